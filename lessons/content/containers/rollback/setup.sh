# Version 1 of the shop, as it has been running for months; its source is no longer here.
set -e
cd "$(mktemp -d)"
mkdir -p srv/cgi-bin
echo '<h1>The shop</h1>' > srv/index.html
cat > srv/cgi-bin/orders <<'END'
#!/bin/sh
printf 'Content-Type: text/plain\n\n'
awk '{ sum += $2 } END { print "shop 1: " NR " orders, " sum+0 " euro" }' /data/orders
END
chmod 755 srv/cgi-bin/orders
sed 's/version=2/version=1/' /root/shop/Dockerfile > Dockerfile
podman build -q -t shop .
printf 'lamp 40\nchair 60\n' > orders
podman volume create orders
cp orders "$(podman volume inspect orders --format '{{.Mountpoint}}')"
podman run -d --name shop -p 80:80 -v orders:/data shop
rm -r "$PWD"
