# bash completion for netbrk(1)
_netbrk() {
    local IFS=$'\n'
    COMPREPLY=($("${COMP_WORDS[0]}" completion --words -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
# Where netbrk knows no word, files are completed.
complete -o default -F _netbrk netbrk
