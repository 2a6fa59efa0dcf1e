# common.sh - what contrib/demo, contrib/check and the benchmarks share: packages and a build folder.
# Sourced by bash scripts that have set `top` to the source tree.

packages_build="autoconf automake make gcc pkg-config libc6-dev libmilter-dev libconfuse-dev libjansson-dev
    libdb5.3-dev libpcre2-dev libyaml-dev libc-ares-dev libpsl-dev libldap-dev libcurl4-openssl-dev
    libssl-dev libedit-dev libsystemd-dev zlib1g-dev libidn2-dev
    xz-utils"
packages_run="postfix postfix-pcre perl procps"
packages_check="clang dovecot-core knot nginx-light openssl slapd ldap-utils sasl2-bin libsasl2-modules libsasl2-modules-db
    libclang-rt-14-dev llvm-14 mandoc util-linux libio-pty-perl systemd vim"

say() { printf '\n== %s\n' "$*"; }
die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

# Installs the named packages that are missing. Services that a package brings are not started by it.
install_packages() {
    local missing=() p policy=/usr/sbin/policy-rc.d made=
    for p in "$@"; do
        dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q ' installed$' || missing+=("$p")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    [ "$(id -u)" = 0 ] || die "run me as root: these packages are missing: ${missing[*]}"
    say "installing ${missing[*]}"
    if [ ! -e $policy ]; then
        printf '#!/bin/sh\nexit 101\n' >$policy
        chmod 755 $policy
        made=1
    fi
    export DEBIAN_FRONTEND=noninteractive
    local ok=0
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends "${missing[@]}"; } \
        >"${TMPDIR:-/tmp}/penstock-apt.$$" 2>&1 || ok=1
    [ -z "$made" ] || rm -f $policy
    [ $ok = 0 ] || { cat "${TMPDIR:-/tmp}/penstock-apt.$$" >&2; rm -f "${TMPDIR:-/tmp}/penstock-apt.$$"; die "apt-get failed"; }
    rm -f "${TMPDIR:-/tmp}/penstock-apt.$$"
}

# Makes $work, a folder of our own that goes when the script ends.
make_work() {
    work=$(mktemp -d "${TMPDIR:-/tmp}/penstock-XXXXXX")
    chmod 755 "$work"
    trap 'rm -rf "$work"' EXIT
    trap 'exit 130' INT TERM
}

# Makes $work, and in it $work/src, a copy of the source tree with configure made: nothing is
# written into the tree itself.
prepare_source() {
    make_work
    mkdir "$work/src"
    (cd "$top" && tar -c --exclude=.git --exclude='./build*' --exclude=./.aux --exclude=autom4te.cache .) |
        tar -x -C "$work/src"
    (cd "$work/src" && mkdir -p .aux && autoreconf -fi >autoreconf.log 2>&1) ||
        { cat "$work/src/autoreconf.log" >&2; die "autoreconf failed"; }
}

# configure in $work/NAME: configure NAME [arguments]
configure() {
    local name=$1
    shift
    mkdir -p "$work/$name"
    (cd "$work/$name" && ../src/configure "$@" >configure.out 2>&1) ||
        { tail -n 30 "$work/$name/configure.out" >&2; die "configure failed"; }
}

# The same, and make.
build() {
    local name=$1
    configure "$@"
    make -s -C "$work/$name" -j"$(nproc)" all || die "make failed"
}
