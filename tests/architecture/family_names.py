#!/usr/bin/python3
# Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
"""Checks that core names no socket address family.

A name is an identifier, a word of a comment or a string that belongs to one family or its protocols: an AF_ or PF_
constant other than AF_UNSPEC, a sockaddr_ structure other than sockaddr_storage, the level, protocol, option and flag
prefixes of a family, and the names of families and of their protocols. ALLOWED lists the exceptions with their reasons;
an exception that is no longer needed is an error as well.

family_names.py ROOT
"""
import re
import sys
from pathlib import Path

NAME = re.compile(
    r'\b(?:[AP]F_(?!UNSPEC\b|[RWX]\b)[A-Z][A-Z0-9_]*|sockaddr_(?!storage\b)\w+|in6?_addr|in6?_pktinfo|INET6?_ADDRSTRLEN'
    r'|SOL_(?!SOCKET\b)[A-Z][A-Z0-9_]*|(?:IPPROTO|BTPROTO)_[A-Z0-9]+'
    r'|(?:IP|IPV6|TCP|UDP|SCTP|CAN|CANFD|J1939|TIPC|NETLINK|PACKET|RDS|QRTR|VMADDR|HCI|L2CAP|RFCOMM|ALG)_[A-Z0-9_]+'
    r'|inet6?|IPv[46]|UNIX|TCP|UDP'
    r'|(?i:mptcp|sctp|dccp|qipcrtr|rds|j1939|iso-?tp|tipc|bluetooth|l2cap|rfcomm|vsock|hyperv|netlink)'
    r'|CAN|BCM)\b|"(?:unix|can|packet|alg|loop)"')

IP_NUMBERS = r'AF_INET6?|IPv[46]|in6?_addr|sockaddr_in6?|INET6_ADDRSTRLEN'
IP_ANCILLARY = r'IPPROTO_IP(V6)?|IP_\w+|IPV6_\w+|IPv[46]|in6?_pktinfo|SOL_UDP|UDP_\w+'
# File: (what it may name, why).
ALLOWED = {
    'src/plugin/compat_1_0.cpp': (r'.*', 'its purpose: behaviour that descriptors of ABI 1.0 have no flag for'),
    'src/plugin/registry.cpp': (r'inet6?|ipv[46]|"unix"|AF_CAN|"can"', 'other names of families, for "did you mean"'),
    'src/option/constants_linux.cpp': (r'[AP]F_\w+|SOL_\w+', "the table of the kernel's AF_, PF_ and SOL_ numbers"),
    'src/option/numbers_linux.hpp': (r'[AP]F_\w+|SOL_\w+|CAN_\w+',
                                     'the same numbers where the system headers lack them'),
    'src/option/sol_socket_linux.cpp': (r'AF_UNIX|AF_PACKET|UDP|IPv4',
                                        'help texts: the sockets that an option of SOL_SOCKET applies to'),
    'src/option/text.cpp': (IP_NUMBERS + '|Bluetooth|IP_TTL',
                            "the contract's value kinds: IPv4, IPv6, Bluetooth and socket addresses"),
    'src/socket/option.cpp': (r'IP_TTL|sctp', 'examples in comments'),
    'src/socket/control.cpp': (IP_ANCILLARY, 'typed ancillary data: ip(7), ipv6(7), udp(7)'),
    'include/afplug/control.hpp': (IP_ANCILLARY, 'typed ancillary data: ip(7), ipv6(7), udp(7)'),
    'src/socket/open.hpp': (r'inet|IPPROTO_TCP|IPPROTO_UDP', 'an example in a comment'),
    'src/diagnose/platform_linux.cpp': (r'AF_UNIX', 'any socket will do for the ioctl that it is opened for'),
    'src/diagnose/verdict.cpp': (r'AF_CAN|CAN_RAW|"can"', 'examples in comments'),
    'src/net/create_server.cpp': (r'AF_INET6|IPPROTO_IPV6|IPV6_V6ONLY|inet6|IPv[46]',
                                  "dualstack_ipv6, as in Python's create_server"),
    'src/net/interfaces.cpp': (IP_NUMBERS, 'inet_pton(3), inet_ntop(3) and inet_aton(3)'),
    'src/net/netdb.cpp': (IP_NUMBERS, 'gethostbyname(3) and the like'),
    'src/net/resolver.cpp': (IP_NUMBERS, 'getaddrinfo(3)'),
    'include/afplug/resolver.hpp': (IP_NUMBERS, 'getaddrinfo(3), inet_pton(3)'),
    'include/afplug/connect.hpp': (IP_NUMBERS + r'|inet6?|IPPROTO_MPTCP|IPV6_V6ONLY',
                                   "getaddrinfo(3), and Python's dualstack_ipv6"),
    'include/afplug/socket.hpp': (r'"unix"|AF_UNIX|inet6?|vsock|AF_VSOCK|IPPROTO_TCP|TCP',
                                  "pair()'s default family; examples in comments"),
    'include/afplug/windows.hpp': (r'TCP|TCP_\w+', "Winsock's ioctls"),
    'include/afplug/family.hpp': (r'AF_CAN|"can"|CAN_EFF_FLAG|IPPROTO_TCP|TCP_NODELAY', 'examples in comments'),
    'include/afplug/inspect.hpp': (r'"can"', 'an example in a comment'),
    'include/afplug/registry.hpp': (r'"can"', 'an example in a comment'),
    'include/afplug/address.hpp': (r'inet|CAN_ISOTP|BTPROTO_HCI|AF_VSOCK|vsock|UNIX', 'examples in comments'),
}


def names(text):
    """(line, name) of every name of a family."""
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith('#include'):
            continue
        for match in NAME.finditer(line):
            yield number, match[0]


def errors(core):
    files = {str(p.relative_to(core)): p for p in sorted(core.rglob('*')) if p.suffix in ('.hpp', '.cpp', '.h')}
    for name, file in files.items():
        allowed, used = ALLOWED.get(name, (None, ''))[0], False
        for line, word in names(file.read_text()):
            if allowed and re.fullmatch(allowed, word, re.I):
                used = True
            else:
                yield f'core/{name}:{line}: names {word}'
        if allowed and not used:
            yield f'{Path(__file__).name}: core/{name} names no family; remove its exception'
    for name in ALLOWED.keys() - files.keys():
        yield f'{Path(__file__).name}: core/{name} does not exist; remove its exception'


def main(root):
    found = list(errors(Path(root, 'core')))
    print('\n'.join(found) or 'core names no family')
    return 1 if found else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1]))
