must_hold /root/kept.conf "one"
must_hold /root/kept.conf "two"
pass "Kept."
