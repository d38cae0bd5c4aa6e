# Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
# bash completion for afplug: commands, options and families.
_afplug() {
  local word=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]}
  local commands='families caps explain options constants address listen connect check new'
  if ((COMP_CWORD == 1)); then
    mapfile -t COMPREPLY < <(compgen -W "$commands --help --version" -- "$word")
  elif [[ $word == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$(afplug "$command" --help 2>/dev/null | grep -oE '^ +(-h,)?--[a-z-]+' | sed 's/.*--/--/')" -- "$word")
  else
    case $command in
      caps | explain | options | address | listen | connect)
        mapfile -t COMPREPLY < <(compgen -W "$(afplug families 2>/dev/null | awk 'NR > 1 { print $1 }' | sort -u)" -- "$word")
        ;;
      *) compopt -o default ;;
    esac
  fi
}
complete -F _afplug afplug
