package fleet

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"edgec/internal/sign"
)

// A document travels as one text, so that signature and content cannot come from two
// publications: the four lines of a minisign signature, and the content in JSON.

// signatureLines is the number of lines that a signature has.
const signatureLines = 4

// signedName is the file name that a signature of a fleet's document states. A signature of
// another file with the same key is no signature of a document.
func signedName(fleet string) string { return fleet + ".fleet" }

// Seal signs a document.
func Seal(d *Desired, key sign.SecretKey) ([]byte, error) {
	content, err := d.encode()
	if err != nil {
		return nil, err
	}
	signature, _, err := key.Sign(bytes.NewReader(content), sign.Statement{File: signedName(d.Fleet), Version: d.Version, Time: d.Time})
	if err != nil {
		return nil, fmt.Errorf("fleet: signing: %w", err)
	}
	sealed := append(signature, content...)
	if len(sealed) > MostDocument {
		return nil, fmt.Errorf("fleet: the document has %d bytes, at most %d are allowed; publish fewer programs, or stages in percent", len(sealed), MostDocument)
	}
	return sealed, nil
}

// Open returns the document of a fleet that the key has signed. Nothing of it is looked at before
// the signature was verified. The error is a *ForeignError.
func Open(sealed []byte, key sign.PublicKey, fleet string) (*Desired, error) {
	d, err := unseal(sealed, key, fleet)
	if err != nil {
		return nil, foreignf("the document is not accepted: %v", err)
	}
	return d, nil
}

func unseal(sealed []byte, key sign.PublicKey, fleet string) (*Desired, error) {
	if len(sealed) > MostDocument {
		return nil, fmt.Errorf("it has more than %d bytes", MostDocument)
	}
	end := 0
	for range signatureLines {
		n := bytes.IndexByte(sealed[end:], '\n')
		if n < 0 {
			return nil, errors.New("it is cut off, or not signed")
		}
		end += n + 1
	}
	stated, err := key.VerifyBytes(sealed[end:], sealed[:end])
	if err != nil {
		return nil, err
	}
	if stated.File != signedName(fleet) {
		return nil, fmt.Errorf("the signature is for %q, this is the fleet %q", stated.File, fleet)
	}
	d, err := decode(sealed[end:])
	switch {
	case err != nil:
		return nil, err
	case d.Fleet != fleet:
		return nil, fmt.Errorf("it is for the fleet %q, this is %q", d.Fleet, fleet)
	case d.Version != stated.Version:
		return nil, fmt.Errorf("its version is %d and that of the signature %d", d.Version, stated.Version)
	}
	return d, nil
}

// nextSerial is the serial number of a document after the one with the number before.
func nextSerial(before int64) int64 { return max(before+1, time.Now().Unix()) }
