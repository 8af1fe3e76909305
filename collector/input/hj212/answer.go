package hj212

import (
	"strconv"
	"time"
)

// appendFrame appends the frame around the segment that body appends.
func (c *checksum) appendFrame(to []byte, body func(to []byte) []byte) []byte {
	at := len(to)
	to = body(append(to, "##0000"...))
	segment := to[at+headLen:]
	for i, n := at+headLen-1, len(segment); i >= at+2; i, n = i-1, n/10 {
		to[i] = '0' + byte(n%10)
	}
	crc := c.of(segment)
	const digits = "0123456789ABCDEF"
	return append(to, digits[crc>>12], digits[crc>>8&15], digits[crc>>4&15], digits[crc&15], '\r', '\n')
}

// appendAnswer appends the frame that answers s with a command of the exchange
// (ST=91), in the version of the standard that the sender has. HJ/T 212-2005
// has what is answered in the data area, the later ones in front of it.
func (s *segment) appendAnswer(to []byte, c *checksum, cn int) []byte {
	return c.appendFrame(to, func(to []byte) []byte {
		to = s.appendHead(to, s.qn, []byte("91"), cn, s.flag&flagVersion)
		to = append(to, "CP=&&"...)
		if s.flag&flagVersion == 0 && len(s.qn) > 0 {
			to = append(append(to, "QN="...), s.qn...)
			to = strconv.AppendInt(append(to, ";CN="...), int64(s.cn), 10)
		}
		return append(to, "&&"...)
	})
}

// appendLogin appends the answer to a login, as devices that log in expect it.
func (s *segment) appendLogin(to []byte, c *checksum, welcome bool) []byte {
	return c.appendFrame(to, func(to []byte) []byte {
		to = s.appendHead(to, s.qn, []byte("91"), cnLoggedIn, s.flag&flagVersion)
		to = append(append(to, "CP=&&QN="...), s.qn...)
		if welcome {
			return append(to, ";Logon=1&&"...)
		}
		return append(to, ";Logon=0&&"...)
	})
}

// appendTime appends the command that sets the device's clock, or that of the
// analyzer for the pollutant if one is given.
func (s *segment) appendTime(to []byte, c *checksum, now time.Time, pollutant []byte) []byte {
	return c.appendFrame(to, func(to []byte) []byte {
		qn := now.AppendFormat(make([]byte, 0, 20), "20060102150405.000")
		qn = append(qn[:14], qn[15:]...)
		to = s.appendHead(to, qn, s.st, cnSetTime, s.flag&flagVersion|flagAnswer)
		to = append(to, "CP=&&"...)
		if len(pollutant) > 0 {
			to = append(append(append(to, "PolId="...), pollutant...), ';')
		}
		to = now.AppendFormat(append(to, "SystemTime="...), "20060102150405")
		return append(to, "&&"...)
	})
}

func (s *segment) appendHead(to, qn, st []byte, cn, flag int) []byte {
	if len(qn) > 0 {
		to = append(append(append(to, "QN="...), qn...), ';')
	}
	to = append(append(append(to, "ST="...), st...), ';')
	to = append(strconv.AppendInt(append(to, "CN="...), int64(cn), 10), ';')
	to = append(append(append(to, "PW="...), s.pw...), ';')
	to = append(append(append(to, "MN="...), s.mn...), ';')
	return append(strconv.AppendInt(append(to, "Flag="...), int64(flag), 10), ';')
}
