// Package fleet keeps many devices on one program: what the operator publishes, what devices
// report, and the channels that carry both.
//
// The operator publishes one signed document, Desired. It names the version, the programs by
// their checksums, and the stage: which devices may install them now. Agents (package agent)
// follow it and answer with reports. A roll-out opens one stage after the other and stops when
// devices fail.
//
// # Trust
//
// Devices trust the operator's key and nothing else. A channel may be read and written by an
// attacker: what it carries counts only if a signature covers it. Documents are signed, files are
// checked against the checksum and the length in the document. A document has a serial number
// that only rises, so that an old one cannot come back; a version only rises too. The name of the
// fleet is signed, so that the same key can serve several fleets.
//
// Reports are not signed. Whoever can write them can claim that a device failed, which stops a
// roll-out, or that it runs, which hides a failure; he cannot change what a device runs. Reports
// are bounded in size and number. Let the channel decide who may write them: file permissions, or
// the permissions of NATS users.
package fleet
