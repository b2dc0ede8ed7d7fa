#!/bin/sh
# Makes the certificates here: an authority that only tests trust, and what it vouches for. Run it in this folder for new
# ones. The authority's key is thrown away at once; the key that stays belongs to no server but those of the tests.
set -eu
certificate() { # name, who vouches for it, last day, extensions one a line
    openssl req -new -key "$1.key.tmp" -subj "/CN=$1" -config settings.tmp -out request.tmp
    printf '%s\n' "$4" >extensions.tmp
    openssl ca -batch -notext -config settings.tmp $2 -in request.tmp -extfile extensions.tmp \
        -startdate 20200101000000Z -enddate "$3" -out "$1.pem"
}
server() { # name, alternative name, last day
    cp key.pem "$1.key.tmp"
    certificate "$1" '-cert authority.pem -keyfile authority.key.tmp' "$3" "basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature
extendedKeyUsage=serverAuth
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
subjectAltName=$2"
}
mkdir made.tmp
touch index.tmp
cat >settings.tmp <<END
[req]
distinguished_name = asked
[asked]
[ca]
default_ca = tests
[tests]
database = index.tmp
new_certs_dir = made.tmp
rand_serial = yes
default_md = sha256
policy = any
[any]
commonName = supplied
END
openssl ecparam -name prime256v1 -genkey -noout -out authority.key.tmp
openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8 -nocrypt -out key.pem
certificate authority '-selfsign -keyfile authority.key.tmp' 21200101000000Z "basicConstraints=critical,CA:TRUE
keyUsage=critical,keyCertSign
subjectKeyIdentifier=hash"
server good IP:127.0.0.1 21200101000000Z
server other_host DNS:awin.example 21200101000000Z
server expired IP:127.0.0.1 20200201000000Z
rm -rf ./*.tmp ./*.tmp.*
