# fish completion for netbrk(1); files are offered besides
complete -c netbrk -a '(set -l words (commandline -opc) (commandline -ct); $words[1] completion --words -- $words[2..-1] 2>/dev/null)'
