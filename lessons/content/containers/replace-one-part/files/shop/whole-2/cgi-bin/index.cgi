#!/bin/sh
# web, api and store in one: the number lies in a file of this container
exec 9>/tmp/lock
flock 9
number=$(( $(cat /tmp/last 2>/dev/null || echo 0) + 1 ))
echo "$number" > /tmp/last
printf 'Content-Type: text/plain\r\n\r\nversion 2: ticket %s\n' "$number"
