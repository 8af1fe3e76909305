package hj212

import (
	"bytes"
	"fmt"

	"github.com/belfry-city/belfry/collector/reading"
)

// longestName bounds MN and PW; the standard has 24 and 6.
const longestName = 64

// segment does what a segment asks for.
func (c *conn) segment(data []byte) {
	s := parseSegment(data)
	if s.cn == 0 || len(s.mn) == 0 || len(s.mn) > longestName || len(s.pw) > longestName || len(s.qn) > longestName {
		c.refuse(reading.ReasonSyntax, "want a data segment with CN and MN, such as QN=...;ST=32;CN=2011;PW=...;MN=...;Flag=5;CP=&&...&&", data)
		return
	}
	if !c.identify(&s, data) {
		return
	}
	c.taken, c.strikes, c.lastFrame = true, 0, c.now
	c.server.counters.frame(s.cn)
	switch {
	case s.cn == cnHeartbeat:
		c.store(&s, data, c.server.opts.HeartbeatAnswer)
	case carriesData(s.cn) && s.isPart():
		c.part(&s)
	case carriesData(s.cn):
		c.store(&s, data, cnStored)
	case s.cn == cnLogin:
		c.send(s.appendLogin(nil, c.server.sum, true))
	case s.cn == cnAskTime:
		c.tellTime(&s)
	case s.cn >= cnAccepted && s.cn <= cnStored:
		// The device answers; nobody here has asked.
	case s.cn > cnStored:
		// What vendors add to the exchange has nothing to be stored.
		if s.wantsAnswer() {
			c.send(s.appendAnswer(nil, c.server.sum, cnStored))
		}
	default:
		c.refuse(reading.ReasonUnsupported, fmt.Sprintf("CN=%d is not taken here", s.cn), data)
	}
}

// identify finds the station. Where the sender may not send, it is not
// answered, unless it logs in.
func (c *conn) identify(s *segment, data []byte) bool {
	var known *Station
	if c.mn == string(s.mn) {
		known = c.station
	}
	station, reason := (*c.server.stations.Load()).identify(s, known)
	if reason == "" {
		if c.mn != string(s.mn) || c.sender == "" {
			c.mn = string(s.mn)
			c.sender = c.mn + " " + c.nc.RemoteAddr().String()
		}
		c.station = station
		return true
	}
	c.strikes++
	if !c.warned {
		c.warned = true
		c.server.opts.Logger.Warn("a device is refused", "mn", string(s.mn), "from", c.nc.RemoteAddr(), "reason", string(reason))
	}
	if s.cn == cnLogin {
		c.send(s.appendLogin(nil, c.server.sum, false))
	}
	detail := fmt.Sprintf("station %q is not among inputs.hj212.stations", s.mn)
	if reason == reading.ReasonUnauthorized {
		detail = fmt.Sprintf("wrong password of station %q", s.mn)
	}
	c.refuse(reason, detail, data)
	return false
}

// store submits a segment and has it answered when it is on disk.
func (c *conn) store(s *segment, data []byte, answer int) {
	m := c.message()
	if s.wantsAnswer() {
		m.answer = s.appendAnswer(m.answer, c.server.sum, answer)
	}
	hide(s.pw)
	m.body = append(m.body, data...)
	m.submit(c.sender, c.station)
}

// tellTime answers a device that asks for the time: first that it was heard,
// then with the time, as HJ 212-2017, table C.4, has it.
func (c *conn) tellTime(s *segment) {
	var frames []byte
	if s.wantsAnswer() {
		frames = s.appendAnswer(frames, c.server.sum, cnNotified)
	}
	var pollutant []byte
	if _, id, ok := bytes.Cut(s.cp, []byte("PolId=")); ok {
		pollutant, _, _ = bytes.Cut(id, []byte(";"))
		pollutant = bytes.TrimSpace(pollutant[:min(len(pollutant), longestName)])
	}
	c.send(s.appendTime(frames, c.server.sum, c.now.In(c.server.opts.Zone), pollutant))
}

// hide blots out a password, so that it goes no further.
func hide(password []byte) {
	for i := range password {
		password[i] = '*'
	}
}

// hidePassword is hide for text that could not be taken apart.
func hidePassword(raw []byte) {
	for rest := raw; ; {
		at := bytes.Index(rest, []byte("PW="))
		if at < 0 {
			return
		}
		rest = rest[at+len("PW="):]
		end := bytes.IndexAny(rest, ";,&\r\n")
		if end < 0 {
			end = len(rest)
		}
		hide(rest[:min(end, longestName)])
		rest = rest[end:]
	}
}
