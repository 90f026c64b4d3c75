# ~/.profile: for login shells.
export LANG=C.UTF-8
[ -n "$BASH" ] && [ -f ~/.bashrc ] && . ~/.bashrc
