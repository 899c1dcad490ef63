package sign

import (
	"fmt"

	"aead.dev/minisign"
)

// Claims returns what a signature states, without checking it: there is no key. It serves those
// who pass signatures on, to warn of one that nobody could verify. Everybody else wants
// [PublicKey.ReadStatement] or [PublicKey.Verify].
func Claims(signature []byte) (Statement, error) {
	var m minisign.Signature
	if len(signature) > MaxSignature || m.UnmarshalText(signature) != nil {
		return Statement{}, fmt.Errorf("the signature %w", ErrForm)
	}
	if m.Algorithm != minisign.HashEdDSA {
		return Statement{}, fmt.Errorf("the signature %w", ErrLegacy)
	}
	return parseStatement(m.TrustedComment)
}
