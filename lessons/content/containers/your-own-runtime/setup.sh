# A disk in memory for the containers' files, the two trees that the image is made of, and the image.
mount -t tmpfs srv /srv || exit
mkdir -p /srv/base/bin /srv/base/etc /srv/base/srv/www /srv/app/srv/www /srv/app/etc
cp /bin/busybox /srv/base/bin/ && chroot /srv/base /bin/busybox --install -s /bin || exit
echo "Under construction" > /srv/base/srv/www/index.html
echo "for the first week only" > /srv/base/etc/obsolete
echo "Greetings from $LAB_NAME" > /srv/app/srv/www/index.html
sed -i "s/NAME/$LAB_NAME/" /root/.ways/*
python3 -IS - <<'PYTHON' || exit
import gzip, hashlib, io, json, os, tarfile

os.makedirs("/root/shop/blobs/sha256")

def blob(kind, data, **more):
    digest = hashlib.sha256(data).hexdigest()
    with open(f"/root/shop/blobs/sha256/{digest}", "wb") as file:
        file.write(data)
    return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": f"sha256:{digest}", "size": len(data), **more}

def layer(tree, gone=()):
    room = io.BytesIO()
    with tarfile.open(fileobj=room, mode="w") as tar:
        tar.add(tree, ".")
        for path in gone:
            tar.addfile(tarfile.TarInfo(path))
    data = room.getvalue()
    diffs.append("sha256:" + hashlib.sha256(data).hexdigest())
    return blob("layer.v1.tar+gzip", gzip.compress(data, 1))

diffs = []
layers = [layer("/srv/base"), layer("/srv/app", ["./etc/.wh.obsolete"])]
system = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
config = {"Env": ["PATH=/bin", "SHOP=" + os.environ["LAB_NAME"]], "Cmd": ["httpd", "-f", "-p", "80", "-h", "/srv/www"]}
image = {"architecture": system, "os": "linux", "config": config, "rootfs": {"type": "layers", "diff_ids": diffs}}
manifest = {"schemaVersion": 2, "config": blob("config.v1+json", json.dumps(image).encode()), "layers": layers}
index = {"schemaVersion": 2, "manifests": [blob("manifest.v1+json", json.dumps(manifest).encode())]}
with open("/root/shop/index.json", "w") as file:
    json.dump(index, file, indent=1)
with open("/root/shop/oci-layout", "w") as file:
    json.dump({"imageLayoutVersion": "1.0.0"}, file)
PYTHON
mknod /srv/app/etc/obsolete c 0 0
