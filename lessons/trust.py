"""Trust: a check that passed says so by programs of the sandbox, and its root may replace those.

From outside it can be asked which files are no longer the image's own. If the interpreter of the
check, its loader and libraries, or one of the programs every check leans on is among them, a
pass proves nothing. We then say so, instead of believing it.
"""

from lessons.contract import CheckResult, State
from lessons.elements import Check

PROGRAMS = (
    "sh dash bash env cat head tail grep egrep fgrep sed awk mawk test [ cut tr wc sort stat readlink find ls ps"
    " pgrep id whoami printf echo sleep hostname uname nsenter lsns busybox python3 python3.11 mount findmnt ip ss cmp diff"
    " sha256sum getent timeout"
).split()
LIBRARIES = (
    "libc.so.6 libm.so.6 libtinfo.so.6 libpcre2-8.so.0 libselinux.so.1 libacl.so.1 libattr.so.1 libcap.so.2 libgmp.so.10"
    " libmount.so.1 libblkid.so.1 libproc2.so.0 libcrypto.so.3"
).split()
TRIPLETS = ("x86_64-linux-gnu", "aarch64-linux-gnu")
LOADERS = ("ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1", "ld-musl-x86_64.so.1", "ld-musl-aarch64.so.1")
# That something was added below them is nothing; being replaced, or mounted over, is.
TREES = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/usr/bin", "/usr/sbin", "/usr/lib", "/usr/lib64")
PLACES = ("/usr/bin", "/bin", "/usr/sbin", "/sbin")
RELIED_ON = [
    *TREES,
    "/etc/ld.so.preload",
    *(f"{place}/{name}" for place in PLACES for name in PROGRAMS),
    *(f"/usr/lib/{triplet}/{name}" for triplet in TRIPLETS for name in (*LIBRARIES, *LOADERS)),
    *(f"{place}/{name}" for place in ("/usr/lib64", "/lib64", "/usr/lib", "/lib") for name in LOADERS),
]
MODULES = [f"/usr/lib/python3.11/{name}.py" for name in ("os", "re", "subprocess", "pathlib", "codecs")]


def relied_on(check: Check) -> list[str]:
    """The files a check leans on, whatever it does."""
    return [*RELIED_ON, *MODULES] if check.language == "python" else RELIED_ON


def confirmed(result: CheckResult, replaced: list[str]) -> CheckResult:
    """The same result, unless what it was got with is no longer the image's own."""
    if not replaced:
        return result
    names = ", ".join(replaced[:3])
    return CheckResult(State.NOT_YET, f"The programs this check relies on were replaced: {names}. Reset the machine.", result.log)
