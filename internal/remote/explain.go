package remote

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"

	"golang.org/x/crypto/ssh"
)

// unreachable explains why there is no connection.
func unreachable(ctx context.Context, s settings, opt Options, err error) error {
	var dns *net.DNSError
	var timeout net.Error
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w", s.name, context.Cause(ctx))
	case errors.As(err, &dns):
		return fmt.Errorf("%s: no address is known for %s; check the name, or write the IP address", s.name, dns.Name)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%s: nothing listens on %s; start the SSH server there (Raspberry Pi: sudo raspi-config, Interface Options), or give its port: host:port", s.name, s.address)
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Errorf("%s: %s does not answer within %v; check that the device is on and in the same network", s.name, s.address, opt.Timeout)
	}
	return fmt.Errorf("%s: no connection to %s: %w; check address and network", s.name, s.address, err)
}

// refused explains why a handshake failed.
func refused(ctx context.Context, s settings, keys *keyring, err error) error {
	var key *HostKeyError
	var negotiation *ssh.AlgorithmNegotiationError
	switch text := err.Error(); {
	case errors.As(err, &key):
		return key
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w", s.name, context.Cause(ctx))
	case errors.As(err, &negotiation) && strings.Contains(text, "host key"):
		return &HostKeyError{s.name, true, fmt.Sprintf("%s: the host no longer has a key of the kind that known_hosts has for it; if the system was installed anew, remove the old key with ssh-keygen -R %s", s.name, Quote(normal(s.known)))}
	case len(keys.locked) > 0:
		return fmt.Errorf("%s: the key %s is encrypted, and there is no terminal to ask for its passphrase; give it to an agent: ssh-add %s", s.name, keys.locked[0], Quote(keys.locked[0]))
	case strings.Contains(text, "unable to authenticate"):
		tried := "no key was found in the agent or in ~/.ssh"
		if len(keys.tried) > 0 {
			tried = "tried " + strings.Join(keys.tried, ", ")
		}
		if len(keys.wrong) > 0 {
			tried += "; " + keys.wrong[0].Error()
		}
		return fmt.Errorf("%s: the host accepts no key of yours (%s); give it one: ssh-copy-id %s", s.name, tried, sshArguments(s))
	default:
		return fmt.Errorf("%s: the handshake failed: %s; ssh -v %s tells more", s.name, strings.TrimPrefix(text, "ssh: handshake failed: "), sshArguments(s))
	}
}

// sshArguments is what the command ssh takes for the host.
func sshArguments(s settings) string {
	host, port, _ := net.SplitHostPort(s.address)
	if port == "22" {
		return Quote(s.user + "@" + host)
	}
	return "-p " + port + " " + Quote(s.user+"@"+host)
}
