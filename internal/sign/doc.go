// Package sign signs files and verifies them, in the format of minisign (ed25519 over the
// BLAKE2b-512 of the content). The signature of FILE is FILE.minisig, and minisign's own
// program verifies it too.
//
// minisign signs a comment together with the content. Here it holds a [Statement], as fields
// that are separated by tabs:
//
//	timestamp:1764540000  seconds since 1970, when it was signed
//	file:net.edgec        name of the file, without folder
//	size:12345            bytes of the content
//	sha256:HEX            SHA-256 of the content, 64 digits in lower case
//	version:7             version number, which only grows; absent: none
//	target:linux-arm64    board that a program is for; absent: any
//	base:HEX              of a delta: SHA-256 of the file that it is applied to
//	hashed                as minisign writes it: the content was hashed first
//
// [PublicKey.Verify] checks everything. [PublicKey.ReadStatement] checks the statement alone,
// before the content is there: a receiver learns size, version and base from it, refuses what
// it does not want, and then verifies the content.
//
// minisign's older form (its option -l) signs the content itself. It is refused, since the
// content would have to fit into memory.
package sign
