package dev.cay.cli;

import java.util.List;
import java.util.Locale;

/** The completion script for bash(1). */
final class BashCompletion {
    private BashCompletion() {}

    static String script() {
        StringBuilder text = new StringBuilder(16 * 1024);
        text.append("# Completes command lines of cay in bash. Printed by: cay completion bash\n\n");
        text.append(NAMES);
        text.append("_cay() {\n");
        text.append("    local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}\n");
        text.append("    local options='' offer='' choices='' IFS=$' \\t\\n'\n");
        text.append("    COMPREPLY=()\n");
        text.append("    if [ \"$COMP_CWORD\" -eq 1 ]; then\n");
        text.append("        COMPREPLY=($(compgen -W '")
                .append(Completions.names(Command.all()))
                .append("' -- \"$word\"))\n        return\n    fi\n");
        text.append("    case ${COMP_WORDS[1]} in\n");
        for (Command command : Command.all()) {
            append(text, command);
        }
        text.append("    *) return ;;\n    esac\n");
        text.append(END.replace("@COMMANDS@", Completions.names(Command.all())));
        return text.toString();
    }

    private static void append(StringBuilder text, Command command) {
        text.append("    ").append(command.name()).append(")\n        options='");
        String blank = "";
        for (Option option : Completions.options(command)) {
            text.append(blank).append(option.spelling());
            blank = " ";
        }
        text.append("'\n        offer=")
                .append(command.offer().name().toLowerCase(Locale.ROOT))
                .append('\n');
        text.append("        case $previous in\n");
        for (Option option : Completions.options(command)) {
            if (option.takesValue()) {
                append(text, option);
            }
        }
        text.append("        esac\n        ;;\n");
    }

    private static void append(StringBuilder text, Option option) {
        String letter = option.letter().isEmpty() ? "" : "-" + option.letter() + "|";
        text.append("        ").append(letter).append(option.spelling()).append(") offer=");
        List<String> choices = Completions.choices(option);
        text.append(Completions.takesFile(option) ? "files" : "choices");
        text.append(" choices='").append(String.join(" ", choices)).append("' ;;\n");
    }

    /** A colon ends a word in bash: what stands before the last one is not offered again. */
    private static final String NAMES = """
            _cay_names() {
                local line=${COMP_LINE:0:COMP_POINT} whole
                whole=${line##* }
                COMPREPLY=($(compgen -W "$(cay completion "$1" 2>/dev/null)" -- "$whole"))
                if [[ $whole == *:* && $COMP_WORDBREAKS == *:* ]]; then
                    COMPREPLY=("${COMPREPLY[@]#"${whole%"${whole##*:}"}"}")
                fi
            }
            """;

    private static final String END = """
            if [[ $word == -* && $offer != choices && $offer != files ]]; then
                COMPREPLY=($(compgen -W "$options" -- "$word"))
                return
            fi
            case $offer in
            sandboxes) COMPREPLY=($(compgen -W "$(cay completion sandboxes 2>/dev/null)" -- "$word")) ;;
            programs) COMPREPLY=($(compgen -c -- "$word") $(compgen -f -- "$word")) ;;
            runnable)
                if [[ " ${COMP_WORDS[*]:0:COMP_CWORD} " != *' -- '* ]]; then
                    _cay_names images
                fi
                if [[ $word != : && $previous != : ]]; then
                    COMPREPLY+=($(compgen -c -- "$word") $(compgen -f -- "$word"))
                fi
                ;;
            image_names) _cay_names images ;;
            networks)
                if [ "$COMP_CWORD" -eq 2 ]; then
                    COMPREPLY=($(compgen -W 'create ls inspect rm' -- "$word"))
                fi
                ;;
            commands) COMPREPLY=($(compgen -W '@COMMANDS@' -- "$word")) ;;
            shells) COMPREPLY=($(compgen -W 'bash zsh fish' -- "$word")) ;;
            choices) COMPREPLY=($(compgen -W "$choices" -- "$word")) ;;
            files) COMPREPLY=($(compgen -W "$choices" -- "$word") $(compgen -f -- "$word")) ;;
            places)
                COMPREPLY=($(compgen -S : -W "$(cay completion sandboxes 2>/dev/null)" -- "$word") $(compgen -f -- "$word"))
                compopt -o nospace
                ;;
            volumes)
                if [ "$COMP_CWORD" -eq 2 ]; then
                    COMPREPLY=($(compgen -W 'create ls rm' -- "$word"))
                else
                    COMPREPLY=($(compgen -W "$(cay completion volumes 2>/dev/null)" -- "$word"))
                fi
                ;;
            images)
                if [ "$COMP_CWORD" -eq 2 ]; then
                    COMPREPLY=($(compgen -W 'check import inspect load ls prune rm save tag' -- "$word"))
                else
                    _cay_names images
                fi
                ;;
            esac
        }
        complete -o filenames -F _cay cay
        """;
}
