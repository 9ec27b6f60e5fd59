/// The scripts that make shells ask `keystone __complete`: what they offer comes from the program that is installed, so they
/// never know an option more or less than it does.
enum ShellScript: String, CaseIterable {
    case bash, zsh, fish

    var text: String {
        switch self {
        case .bash: Self.bashText
        case .zsh: Self.zshText
        case .fish: Self.fishText
        }
    }

    /// bash splits words at `=` and `:`, which are parts of ours, and puts in what comes behind the last of them.
    private static let bashText = #"""
        # bash completion of keystone. Made by `keystone agent completion bash`.
        _keystone_complete() {
            local program=${COMP_WORDS[0]} rest=$COMP_LINE index word last current cut kind line
            local -a words=()
            for ((index = 0; index <= COMP_CWORD; index++)); do
                word=${COMP_WORDS[index]}
                last=${words[${#words[@]} - 1]-}
                if ((index > 0)) && [[ $rest != [[:blank:]]* && ($word == [=:]* || $last == *[=:]) ]]; then
                    words[${#words[@]} - 1]=$last$word
                else
                    words+=("$word")
                fi
                rest=${rest#"${rest%%[![:blank:]]*}"}
                rest=${rest#"$word"}
            done
            current=${words[${#words[@]} - 1]}
            cut=${current%"${current##*[=:]}"}
            [[ $program == "~/"* ]] && program=$HOME/${program:2}
            COMPREPLY=()
            {
                IFS= read -r kind || return 0
                case $kind in
                    files) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "${current#"$cut"}") ;;
                    folders) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "${current#"$cut"}") ;;
                    *) while IFS= read -r line; do line=${line%%$'\t'*}; COMPREPLY+=("${line#"$cut"}"); done ;;
                esac
            } < <("$program" __complete "${words[@]}" 2>/dev/null)
        }
        complete -F _keystone_complete keystone keystone-agent

        """#

    private static let zshText = #"""
        #compdef keystone keystone-agent
        # zsh completion of keystone. Made by `keystone agent completion zsh`.
        _keystone() {
            local program=${(Q)words[1]} kind
            local -a lines values
            [[ $program == "~/"* ]] && program=$HOME/${program:2}
            lines=("${(@f)$("$program" __complete "${(@Q)words[1,CURRENT]}" 2>/dev/null)}")
            kind=$lines[1]
            shift lines
            case $kind in
                files) [[ $PREFIX == -*=* ]] && compset -P '*='; _files ;;
                folders) [[ $PREFIX == -*=* ]] && compset -P '*='; _files -/ ;;
                *)
                    values=("${(@)lines//:/\\:}")
                    values=("${(@)values/$'\t'/:}")
                    (($#values)) && _describe keystone values
                    ;;
            esac
        }
        if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _keystone "$@"; else compdef _keystone keystone keystone-agent; fi

        """#

    private static let fishText = #"""
        # fish completion of keystone. Made by `keystone agent completion fish`.
        function __keystone_complete
            set -l current (commandline -ct)
            set -l words (commandline -opc) "$current"
            set -l lines ($words[1] __complete $words 2>/dev/null)
            switch "$lines[1]"
                case files
                    __fish_complete_path "$current"
                case folders
                    __fish_complete_directories "$current" ''
                case words
                    test (count $lines) -gt 1; and string join -- \n $lines[2..-1]
            end
        end
        complete -c keystone -f -a '(__keystone_complete)'
        complete -c keystone-agent -f -a '(__keystone_complete)'

        """#
}
