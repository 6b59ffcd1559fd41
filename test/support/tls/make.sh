#!/bin/sh
# Makes the certificates of the tests, which are committed: for a hundred years, so that no run depends on openssl.
set -e
cd "$(dirname "$0")"
key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"; }
authority() { # name
  key "$1"
  openssl req -x509 -new -key "$1.key" -out "$1.crt" -days 36500 -subj "/CN=$1"
}
signed() { # name, common name, authority, days
  key "$1"
  openssl req -new -key "$1.key" -subj "/CN=$2" -out "$1.csr"
  printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\n' >"$1.ext"
  openssl x509 -req -in "$1.csr" -CA "$3.crt" -CAkey "$3.key" -CAcreateserial -days "$4" -extfile "$1.ext" -out "$1.crt"
  rm "$1.csr" "$1.ext"
}
authority authority
authority other-authority
signed server localhost authority 36500
signed renewed renewed.localhost authority 36500
signed worker worker authority 36500
signed expired worker authority 0
signed stranger worker other-authority 36500
openssl ec -in server.key -aes256 -passout pass:secret -out server-encrypted.key
rm -- *.srl authority.key other-authority.key
