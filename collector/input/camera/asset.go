package camera

import (
	"net"
	"strings"

	"github.com/belfry-city/belfry/collector/input"
)

// lookUp finds the asset of which one of the kinds of external id is id.
func (d *base) lookUp(id string, kinds ...string) string {
	if id == "" {
		return ""
	}
	c := d.Catalog()
	for _, kind := range kinds {
		if a, ok := c.ByExternal(kind, id); ok {
			return a.ID
		}
	}
	return ""
}

// macSpellings are the ways in which a MAC address is written in catalogs.
func macSpellings(mac string) []string {
	digits := strings.Map(func(r rune) rune {
		if strings.ContainsRune("0123456789abcdefABCDEF", r) {
			return r
		}
		return -1
	}, mac)
	if len(digits) != 12 {
		return []string{mac}
	}
	join := func(sep string) string {
		var parts []string
		for i := 0; i < 12; i += 2 {
			parts = append(parts, digits[i:i+2])
		}
		return strings.Join(parts, sep)
	}
	all := []string{mac}
	for _, sep := range []string{":", "-", ""} {
		all = append(all, strings.ToLower(join(sep)), strings.ToUpper(join(sep)))
	}
	return all
}

// device is what a message says of who sent it.
type device struct {
	serial, mac, ip string
	channel         string // "" for a camera's own, which is also 0 and 1
}

// asset finds out which asset a device is. A channel beyond the first, as
// recorders have, is an asset of its own: the catalog may have an external id
// with the channel behind it, such as `ip: 10.0.0.5/34`.
func (d *base) asset(m *input.Message, v device) string {
	if v.channel == "0" || v.channel == "1" {
		v.channel = ""
	}
	if given := m.Label("asset"); given != "" {
		if v.channel != "" {
			if a := d.lookUp(given+"/"+v.channel, "channel"); a != "" {
				return a
			}
		}
		return given
	}
	for _, channel := range []string{v.channel, ""} {
		if a := d.listed(v, channel); a != "" {
			return a
		}
		if channel == "" {
			break
		}
	}
	if host, _, err := net.SplitHostPort(m.Sender); err == nil && v.channel == "" {
		if a := d.lookUp(host, "ip", "ipAddress", "ip_address"); a != "" {
			return a
		}
	}
	for _, own := range []string{v.mac, v.serial, v.ip} {
		switch {
		case own == "":
		case v.channel != "":
			return own + "/" + v.channel
		default:
			return own
		}
	}
	return ""
}

func (d *base) listed(v device, channel string) string {
	with := func(id string) string {
		if id == "" || channel == "" {
			return id
		}
		return id + "/" + channel
	}
	if a := d.lookUp(with(v.serial), "serial", "serialNumber", "serialNo", "deviceID", "device_id"); a != "" {
		return a
	}
	for _, mac := range macSpellings(v.mac) {
		if a := d.lookUp(with(mac), "mac", "macAddress", "mac_address"); a != "" {
			return a
		}
	}
	return d.lookUp(with(v.ip), "ip", "ipAddress", "ip_address")
}

// reference is where a picture is found, without a password.
func reference(s string) string {
	s = strings.TrimSpace(s)
	if len(s) > 2000 || embedded(s) {
		return ""
	}
	return string(withoutPasswords([]byte(s)))
}
