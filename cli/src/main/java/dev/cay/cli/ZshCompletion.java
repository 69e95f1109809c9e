package dev.cay.cli;

import java.util.List;
import java.util.Locale;

/** The completion script for zsh(1). */
final class ZshCompletion {
    private ZshCompletion() {}

    static String script() {
        StringBuilder text = new StringBuilder(16 * 1024);
        text.append("#compdef cay\n# Completes command lines of cay in zsh. Printed by: cay completion zsh\n\n");
        text.append("_cay() {\n    local -a commands options choices\n    local offer\n    commands=(\n");
        for (Command command : Command.all()) {
            text.append("        ")
                    .append(described(command.name(), command.summary()))
                    .append('\n');
        }
        text.append("    )\n    if (( CURRENT == 2 )); then\n        _describe -t commands command commands\n");
        text.append("        return\n    fi\n    case $words[2] in\n");
        for (Command command : Command.all()) {
            append(text, command);
        }
        text.append("    *) return 1 ;;\n    esac\n");
        text.append(END);
        return text.toString();
    }

    private static void append(StringBuilder text, Command command) {
        text.append("    ").append(command.name()).append(")\n        options=(\n");
        for (Option option : Completions.options(command)) {
            text.append("            ")
                    .append(described(option.spelling(), Completions.brief(option.help())))
                    .append('\n');
        }
        text.append("        )\n        offer=").append(command.offer().name().toLowerCase(Locale.ROOT));
        text.append("\n        case $words[CURRENT-1] in\n");
        for (Option option : Completions.options(command)) {
            if (option.takesValue()) {
                append(text, option);
            }
        }
        text.append("        esac\n        ;;\n");
    }

    private static void append(StringBuilder text, Option option) {
        String letter = option.letter().isEmpty() ? "" : "-" + option.letter() + "|";
        List<String> choices = Completions.choices(option);
        text.append("        ").append(letter).append(option.spelling()).append(") offer=");
        text.append(Completions.takesFile(option) ? "files" : "choices");
        text.append(" choices=(").append(String.join(" ", choices)).append(") ;;\n");
    }

    /** In a description a colon is the end of the word described. */
    private static String described(String word, String description) {
        return Completions.quoted(word.replace(":", "\\:") + ":" + description);
    }

    private static final String END = """
            if [[ $words[CURRENT] == -* && $offer != choices && $offer != files ]]; then
                _describe -o -t options option options
                return
            fi
            case $offer in
            sandboxes) compadd -- ${(f)"$(cay completion sandboxes 2>/dev/null)"} ;;
            programs) _command_names -e || _files ;;
            runnable)
                if (( ! ${words[(I)--]} )); then
                    compadd -- ${(f)"$(cay completion images 2>/dev/null)"}
                fi
                _command_names -e || _files
                ;;
            image_names) compadd -- ${(f)"$(cay completion images 2>/dev/null)"} ;;
            networks)
                if (( CURRENT == 3 )); then
                    compadd -- create ls inspect rm
                fi
                ;;
            commands) _describe -t commands command commands ;;
            shells) compadd -- bash zsh fish ;;
            choices) compadd -a choices ;;
            files) compadd -a choices; _files ;;
            places) compadd -S : -- ${(f)"$(cay completion sandboxes 2>/dev/null)"}; _files ;;
            volumes)
                if (( CURRENT == 3 )); then
                    compadd -- create ls rm
                else
                    compadd -- ${(f)"$(cay completion volumes 2>/dev/null)"}
                fi
                ;;
            images)
                if (( CURRENT == 3 )); then
                    compadd -- check import inspect load ls prune rm save tag
                else
                    compadd -- ${(f)"$(cay completion images 2>/dev/null)"}
                fi
                ;;
            esac
        }
        if [ "$funcstack[1]" = "_cay" ]; then
            _cay "$@"
        else
            compdef _cay cay
        fi
        """;
}
