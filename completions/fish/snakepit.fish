# Completion of snakepit and its programs in fish. The program itself says what can stand
# at the cursor (tools/cli/include/cli/complete.h), so this file knows no option.

function __snakepit_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    for line in ($words[1] --complete $words[2..-1] "$current" 2>/dev/null)
        if test "$line" = :file
            set -l option (string match -r '^--[^=]*=' -- "$current")
            set -l name (string replace -r '^--[^=]*=' '' -- "$current")
            printf "$option%s\n" (__fish_complete_path "$name")
        else
            echo $line
        end
    end
end

for program in snakepit snakepitd snakepit-{inspect,otlp,prometheus,statsd,top}
    complete -c $program -f -a '(__snakepit_complete)'
end
