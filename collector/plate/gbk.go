package plate

import (
	"bytes"
	"unicode/utf8"
)

// han stands for Chinese characters that are in no plate and no key.
const han = '一'

// decodeGBK decodes the character that text begins with, as far as plates and
// the names for them need it: other Chinese characters become han, and what is
// none becomes U+FFFD.
func decodeGBK(text []byte) (r rune, n int) {
	const unknown = '\uFFFD'
	hi := text[0]
	if hi < 0x81 || hi == 0xff || len(text) < 2 {
		return unknown, 1
	}
	lo := text[1]
	switch {
	case lo >= '0' && lo <= '9': // of GB 18030, four bytes
		if bytes.HasPrefix(text, []byte("\x81\x39\xa7\x39")) {
			return '・', 4
		}
		return unknown, min(4, len(text))
	case lo < 0x40 || lo == 0x7f || lo == 0xff:
		return unknown, 1
	case hi == 0xa1 && lo == 0xa4:
		return '·', 2
	case hi == 0xa1 && lo == 0xa1:
		return '\u3000', 2
	case hi == 0xa3 && lo >= 0xa1: // full-width forms of ASCII
		return 0xff01 + rune(lo) - 0xa1, 2
	case hi == 0xa1, hi >= 0xa4 && hi <= 0xa9 && lo >= 0xa1:
		return unknown, 2
	}
	return gbkRune(hi, lo), 2
}

// isGBKProvince says whether two bytes that are also one character in UTF-8 are
// a province in GBK.
func isGBKProvince(hi, lo byte) bool {
	return hi == 0xc2 && lo == 0xb3 || hi == 0xd4 && lo == 0xa5 // 鲁, 豫
}

// gbkCharacters are the characters that are looked for: two bytes in GBK, three in
// UTF-8.
const gbkCharacters = "" +
	"\xbe\xa9京\xbd\xf2津\xbc\xbd冀\xbd\xfa晋\xc3\xc9蒙\xc1\xc9辽\xbc\xaa吉\xba\xda黑" +
	"\xbb\xa6沪\xcb\xd5苏\xd5\xe3浙\xcd\xee皖\xc3\xf6闽\xb8\xd3赣\xc2\xb3鲁\xd4\xa5豫" +
	"\xb6\xf5鄂\xcf\xe6湘\xd4\xc1粤\xb9\xf0桂\xc7\xed琼\xd3\xe5渝\xb4\xa8川\xb9\xf3贵" +
	"\xd4\xc6云\xb2\xd8藏\xc9\xc2陕\xb8\xca甘\xc7\xe0青\xc4\xfe宁\xd0\xc2新\xd1\xa7学" +
	"\xbe\xaf警\xb8\xdb港\xb0\xc4澳\xb9\xd2挂\xca\xb9使\xc1\xec领\xca\xd4试\xb3\xac超" +
	"\xd3\xa6应\xbc\xb1急\xb3\xb5车\xc5\xc6牌\xba\xc5号\xd5\xd5照\xc2\xeb码\xd1\xd5颜" +
	"\xc9\xab色\xc0\xe0类\xd0\xcd型\xd6\xd6种\xd6\xc3置\xd0\xc5信\xb6\xc8度\xce\xbb位" +
	"\xd7\xf8坐\xb1\xea标\xd0\xa3校\xd4\xba院\xc9\xfa生\xc7\xf8区\xb8\xae府\xcf\xb0习" +
	"\xc6\xda期\xbf\xc6科\xd3\xc3用\xc3\xfc命\xb5\xc3得\xb9\xdd馆\xbf\xda口\xcd\xe5湾" +
	"\xce\xf1务\xb3\xc7城\xb2\xec察\xb1\xa8报\xb8\xe6告\xca\xbe示\xbd\xe4戒\xc7\xe9情" +
	"\xd4\xb1员\xca\xa7失\xc6\xf0起\xd4\xd8载\xb5\xbc导\xd3\xf2域\xc8\xa1取\xcf\xc8先" +
	"\xd1\xe9验\xb5\xe3点\xd4\xcb运\xca\xb1时\xca\xd0市\xcf\xde限\xb9\xfd过\xcb\xd9速" +
	"\xb3\xf6出\xb8\xdf高\xc3\xc5门\xd6\xde洲" +
	"\xb4\xf3大\xcc\xec天\xd0\xd0行\xbc\xb4即\xc7\xfd驱\xbc\xd9假\xb4\xd9促\xcb\xf4唆\xcc\xd8特\xb9\xab公" +
	"\xd6\xc2致\xc6\xc8迫\xd6\xb8指\xd2\xdb役\xc4\xdc能\xd5\xdf者\xce\xaa为\xca\xc7是\x9e\xe9為\xb4\x61碼\xc1\xbe辆" +
	"\x95\x78晉\xdf\x7c遼\x9c\xfb滬\xcc\x4b蘇\xe9\x7d閩\xda\x4d贛\xf4\x94魯\xbb\x9b粵" +
	"\xad\x82瓊\xd9\x46貴\xeb\x85雲\xea\x84陝\x8c\x8e寧\x8c\x57學\x92\xec掛\xee\x49領" +
	"\xd4\x87試\xdc\x87車\xcc\x96號\xee\x81顏\xee\x90類\xc5\xc6牌"

func gbkRune(hi, lo byte) rune {
	const size = 2 + 3
	for i := 0; i < len(gbkCharacters); i += size {
		if gbkCharacters[i] == hi && gbkCharacters[i+1] == lo {
			r, _ := utf8.DecodeRuneInString(gbkCharacters[i+2:])
			return r
		}
	}
	return han
}
