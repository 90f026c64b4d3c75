#!/bin/sh
# the api asks the store for a number and makes a ticket of it
number=$(wget -q -T 2 -O - http://store:8080/cgi-bin/next) || {
  printf 'Status: 503 Service Unavailable\r\nContent-Type: text/plain\r\n\r\nno store\n'
  exit
}
printf 'Content-Type: text/plain\r\n\r\nversion 1: tiket %s\n' "$number"
