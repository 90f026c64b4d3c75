echo "$LAB_NAME" > /root/from-setup
