// Package remote reaches a host over SSH: it runs commands there and moves files, as
// the commands ssh and sftp would.
//
//	conn, err := remote.Dial(ctx, "pi@raspberrypi.local", remote.Options{})
//	err = conn.Run(ctx, "uname -m", nil, &out, nil)
//	files, err := conn.Files(ctx) // an SFTP client
//
// Keys of hosts come from the known_hosts files, keys of the user from the agent and from
// the files of ~/.ssh, and names, ports, users and jump hosts from ~/.ssh/config.
//
// A process on the host outlives a lost connection: nothing ends it there. A command that
// must not has to end by itself when its standard input closes, and needs a deadline of
// its own, since a host notices a broken network late or never.
package remote
