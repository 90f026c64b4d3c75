must_hold() { grep -q -- "$2" "$1" 2>/dev/null || fail "$1 does not hold $2."; }
