# Completion of snakepit and its programs in bash. The program itself says what can stand
# at the cursor (tools/cli/include/cli/complete.h), so this file knows no option.

_snakepit()
{
	local line=${COMP_LINE:0:COMP_POINT} current prefix word _
	local -a words

	read -ra words <<<"$line"
	[[ $line == *[[:blank:]] ]] && words+=('')
	current=${words[-1]}
	# bash replaces only what follows the last of these.
	prefix=${current%"${current##*[=:]}"}
	COMPREPLY=()
	while IFS=$'\t' read -r word _; do
		if [[ $word == :file ]]; then
			compopt -o filenames
			mapfile -t COMPREPLY < <(compgen -f -- "${current#"$prefix"}")
		else
			COMPREPLY+=("${word#"$prefix"}")
		fi
	done < <("${words[0]}" --complete "${words[@]:1}" 2>/dev/null)
}

complete -F _snakepit snakepit snakepitd snakepit-inspect snakepit-otlp \
	snakepit-prometheus snakepit-statsd snakepit-top
