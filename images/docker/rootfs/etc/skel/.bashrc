# ~/.bashrc: for interactive shells.
case $- in *i*) ;; *) return ;; esac
HISTCONTROL=ignoreboth
shopt -s checkwinsize histappend
PS1='\u@\h:\w\$ '
alias ls='ls --color=auto' ll='ls -l' grep='grep --color=auto' ip='ip -color=auto'
