package cli

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"edgec/internal/fleet"
	"edgec/internal/registry"
)

// channelHelp explains the places where operator and devices meet.
const channelHelp = `CHANNEL is where operator and devices meet: nats://HOST:PORT/NAME (or tls://) is a name on
a NATS server with JetStream, local:FOLDER a folder that both see, such as a mounted one or
a USB stick, and HOST/NAME:TAG or oci:FOLDER:TAG a tag in a registry or an OCI layout.
Registries take no reports; give --reports with another channel for them.`

// defaultFleet is the name of a fleet, unless another one is given.
const defaultFleet = "edgec"

// channelFlags are the flags of commands that use channels.
type channelFlags struct {
	registryFlags
	flag    string // "to", "on" or "follow"
	where   string
	reports string
	fleet   string
	nats    fleet.NATSOptions
}

func (c *channelFlags) register(cmd *cobra.Command, flag, usage string) {
	f := cmd.Flags()
	c.flag = flag
	f.StringVar(&c.where, flag, "", usage)
	f.StringVar(&c.fleet, "fleet", defaultFleet, "name of the fleet; it is signed, so that one key can serve several")
	f.StringVar(&c.reports, "reports", "", "channel for the reports of devices (default: the same)")
	f.StringVar(&c.nats.Credentials, "nats-creds", "", "file with the credentials of a NATS user (default: none)")
	f.StringVar(&c.nats.CA, "nats-ca", "", "file with the certificate of the authority of a NATS server (default: the system's)")
	c.registryFlags.register(cmd)
}

// check returns what is wrong with the flags.
func (c *channelFlags) check(cmd *cobra.Command) error {
	var errs []error
	if c.where == "" {
		errs = append(errs, fmt.Errorf("%s: --%s is missing; give a channel, as in --%s nats://192.168.1.5:4222/cameras or --%s local:/mnt/fleet", cmd.Name(), c.flag, c.flag, c.flag))
	}
	for flag, where := range map[string]string{c.flag: c.where, "reports": c.reports} {
		if where == "" {
			continue
		}
		if _, err := c.open(nil, where); err != nil {
			errs = append(errs, fmt.Errorf("--%s %s: %s", flag, fleet.Redacted(where), strings.TrimPrefix(err.Error(), "fleet: ")))
		}
	}
	if err := fleet.CheckName(c.fleet); err != nil {
		errs = append(errs, fmt.Errorf("--fleet: %s", strings.TrimPrefix(err.Error(), "fleet: ")))
	}
	for flag, path := range map[string]string{"nats-creds": c.nats.Credentials, "nats-ca": c.nats.CA} {
		if path == "" {
			continue
		}
		if err := present(path, "a file"); err != nil {
			errs = append(errs, fmt.Errorf("--%s %w", flag, err))
		}
	}
	return usageErrors(cmd, errs...)
}

// open returns a channel. Nothing is connected yet.
func (c *channelFlags) open(client *registry.Client, where string) (fleet.Channel, error) {
	if folder, ok := strings.CutPrefix(where, localPrefix); ok {
		if folder == "" {
			return nil, fmt.Errorf("give the folder too, as in %s/mnt/fleet", localPrefix)
		}
		path, err := localFolder(folder)
		return fleet.NewFolder(path), err
	}
	if fleet.IsNATS(where) {
		return fleet.NewNATS(where, c.nats)
	}
	if info, err := os.Stat(where); err == nil && info.IsDir() {
		return nil, fmt.Errorf("a folder is given as %s%s", localPrefix, where)
	}
	return fleet.NewRegistry(client, where)
}

// channels opens the channel, and the one for reports, which is the same unless it is given.
func (a *app) channels(cmd *cobra.Command, c *channelFlags) (channel, reports fleet.Channel, client *registry.Client, err error) {
	client = a.client(cmd, &c.registryFlags, 0)
	c.nats.Client = "edgec " + cmd.Name()
	if channel, err = c.open(client, c.where); err != nil {
		return nil, nil, nil, err
	}
	if reports = channel; c.reports != "" {
		reports, err = c.open(client, c.reports)
	}
	return channel, reports, client, err
}
