package access

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// origins knows by which names honest requests call Belfry.
type origins struct {
	hosts map[string]bool // without port, in lower case
	sites map[string]bool // host as in a Host header, in lower case
}

func newOrigins(listen string, external *url.URL) origins {
	o := origins{hosts: map[string]bool{}, sites: map[string]bool{}}
	if host, _, err := net.SplitHostPort(listen); err == nil && host != "" {
		o.hosts[strings.ToLower(host)] = true
	}
	if external != nil {
		o.hosts[strings.ToLower(external.Hostname())] = true
		o.sites[strings.ToLower(external.Host)] = true
	}
	return o
}

// judgeHost refuses a name that was not given to Belfry: see Browsers in the
// package's description.
func (o origins) judgeHost(r *http.Request) *refusal {
	host := hostname(r.Host)
	if host == "" || isLoopback(host) || o.hosts[host] {
		return nil
	}
	return &refusal{http.StatusForbidden, fmt.Sprintf(
		"Belfry has no tokens and is reached by the name %q: put it into external_url, or make tokens", host)}
}

// judgeOrigin refuses requests that a browser sends for another site.
func (o origins) judgeOrigin(r *http.Request) *refusal {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return nil
	}
	u, err := url.Parse(origin)
	if err == nil && u.Host != "" {
		site := strings.ToLower(u.Host)
		if site == strings.ToLower(r.Host) || o.sites[site] {
			return nil
		}
		if isLoopback(hostname(site)) && isLoopback(hostname(r.Host)) {
			return nil
		}
	}
	return &refusal{http.StatusForbidden, fmt.Sprintf("a page of %q may not send requests to Belfry", origin)}
}

// hostname is the host of host:port or of a host without a port.
func hostname(hostport string) string {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = strings.Trim(hostport, "[]")
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

func isLoopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true // RFC 6761, section 6.3
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}
