"""`trisalt completion SHELL`: the shell's own part of completion. What it asks each time is `cli.complete`'s.

trisalt completion bash > /etc/bash_completion.d/trisalt
trisalt completion zsh > /usr/share/zsh/site-functions/_trisalt
trisalt completion fish > /usr/share/fish/vendor_completions.d/trisalt.fish
"""

from __future__ import annotations

BASH = """\
# Completion of Salt's commands for bash: source it, or put it into /etc/bash_completion.d.
_trisalt_complete() {
    local line
    COMPREPLY=()
    while IFS= read -r line; do
        COMPREPLY+=("$line")
    done < <(trisalt complete "${COMP_WORDS[0]##*/}" "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
    if [[ ${COMPREPLY[0]-} == *. ]]; then
        compopt -o nospace 2>/dev/null
    elif [[ ${COMP_WORDS[COMP_CWORD]} == = || ( $COMP_CWORD -gt 0 && ${COMP_WORDS[COMP_CWORD-1]} == = ) ]]; then
        # To bash, what is behind the = is a word of its own.
        COMPREPLY=("${COMPREPLY[@]#*=}")
    fi
}
complete -o default -F _trisalt_complete \\
    salt salt-api salt-call salt-cp salt-key salt-master salt-minion salt-run trisalt
"""

ZSH = """\
#compdef salt salt-api salt-call salt-cp salt-key salt-master salt-minion salt-run trisalt
# Completion of Salt's commands for zsh: put it into a folder of $fpath as _trisalt, or source it after compinit.
_trisalt_complete() {
    local -a found open
    found=("${(@f)$(trisalt complete "${words[1]:t}" "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    found=(${found:#})
    if (( ! $#found )); then
        _files
        return
    fi
    open=(${(M)found:#*.})
    found=(${found:#*.})
    (( $#open )) && compadd -S '' -- $open
    (( $#found )) && compadd -- $found
    return 0
}
if [[ ${funcstack[1]} == _trisalt ]]; then
    _trisalt_complete
else
    compdef _trisalt_complete salt salt-api salt-call salt-cp salt-key salt-master salt-minion salt-run trisalt
fi
"""

FISH = """\
# Completion of Salt's commands for fish: put it into ~/.config/fish/completions or vendor_completions.d.
function __trisalt_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l command (string split -r -m1 / -- $words[1])[-1]
    set -e words[1]
    set -l found (trisalt complete $command $words "$current" 2>/dev/null)
    if set -q found[1]
        printf '%s\\n' $found
    else
        __fish_complete_path "$current"
    end
end
for command in salt salt-api salt-call salt-cp salt-key salt-master salt-minion salt-run trisalt
    complete -c $command -f -a '(__trisalt_complete)'
end
"""

SCRIPTS = {"bash": BASH, "fish": FISH, "zsh": ZSH}
