package config

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"
)

// CheckExposure refuses a configuration that would let strangers in: an
// address beyond loopback, no tokens, and not said to be insecure. Call it
// after flags have been applied. A host name is looked up, for at most a few
// seconds.
func (c *Config) CheckExposure(ctx context.Context) error {
	return errors.Join(c.exposed(ctx), c.hj212Exposed(ctx), c.mqttExposed(ctx))
}

func (c *Config) exposed(ctx context.Context) error {
	if c.Auth.Insecure || len(c.Auth.Tokens) > 0 || Loopback(ctx, c.Listen) {
		return nil
	}
	const advice = "want tokens, because %s can be reached from beyond this machine; got none under auth.tokens. " +
		"Make one with `belfry token new --name NAME --scope write`, or listen on 127.0.0.1, " +
		"or open it to everyone with auth.insecure: true (flag --insecure)"
	if c.Listen != c.listenInFile {
		return fmt.Errorf("listen: "+advice, c.Listen)
	}
	return c.Problem("listen", advice, c.Listen)
}

// Loopback reports whether only this machine can reach the address. An empty
// host, an unspecified address (0.0.0.0, ::), and a name that cannot be looked
// up or has any other address, count as beyond loopback.
func Loopback(ctx context.Context, hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		return false
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.Unmap().IsLoopback()
	}
	if host == "" || strings.Contains(host, "%") {
		return false
	}
	const lookup = 3 * time.Second
	ctx, cancel := context.WithTimeout(ctx, lookup)
	defer cancel()
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil || len(addrs) == 0 {
		return false
	}
	for _, addr := range addrs {
		if !addr.Unmap().IsLoopback() {
			return false
		}
	}
	return true
}
