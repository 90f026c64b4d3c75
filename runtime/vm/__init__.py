"""Virtual machines: the same image on a kernel of its own, by QEMU.

Reading order: kernel (where the guest's kernel comes from), initrd (what it finds in memory when it
starts), clock (why an emulated machine must be told the speed of its processor).
"""
