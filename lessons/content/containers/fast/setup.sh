# A bundle: what crun wants, a root directory and a config.json beside it.
set -e
mkdir -p /root/bundle/rootfs/bin /root/bundle/rootfs/proc /root/bundle/rootfs/dev /root/bundle/rootfs/sys
cp /bin/busybox /root/bundle/rootfs/bin/
for name in sh true sleep; do ln -sf busybox "/root/bundle/rootfs/bin/$name"; done
cd /root/bundle
crun spec
sed -i 's/"terminal": true/"terminal": false/; s/"sh"/"true"/' config.json
