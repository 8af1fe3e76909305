package board

// Language is one that dashboards are rendered in; also the name of its directory.
type Language string

// English and Chinese are the languages of operators.
const (
	English Language = "en"
	Chinese Language = "zh-CN"
)

// Languages are all that there are.
func Languages() []Language { return []Language{English, Chinese} }

// suffix tells dashboards of one Grafana apart by language.
func (l Language) suffix() string {
	if l == Chinese {
		return "zh"
	}
	return "en"
}

// Text is the same in both languages.
type Text struct{ EN, ZH string }

// Same is a text that needs no translation, such as {{asset}}.
func Same(s string) Text { return Text{s, s} }

// In returns the text in a language.
func (t Text) In(l Language) string {
	if l == Chinese {
		return t.ZH
	}
	return t.EN
}

func noData() Text { return Text{"No data in this time range", "该时段无数据"} }

// DomainName says what people call a domain.
func DomainName(domain string) Text {
	switch domain {
	case "gas":
		return Text{"Gas and septic wells", "燃气井与化粪池"}
	case "bridge":
		return Text{"Bridges", "桥梁"}
	case "tunnel":
		return Text{"Tunnels", "隧道"}
	case "road":
		return Text{"Roads", "道路"}
	case "drainage":
		return Text{"Drainage", "排水"}
	case "water":
		return Text{"Water supply", "供水"}
	case "lighting":
		return Text{"Street lighting", "路灯照明"}
	case "landscape":
		return Text{"Landscaping", "园林绿化"}
	case "parking":
		return Text{"Parking", "停车"}
	case "camera":
		return Text{"Cameras", "摄像机"}
	case "device":
		return Text{"Devices", "设备"}
	}
	return Same(domain)
}

// Domains are all that a catalog knows, in the order of the wall.
func Domains() []string {
	return []string{"gas", "bridge", "tunnel", "road", "drainage", "water", "lighting", "landscape", "parking", "camera", "device"}
}

// TeamName says what people call a team.
func TeamName(team string) Text {
	switch team {
	case "sanitation":
		return Text{"Sanitation", "环卫"}
	case "municipal":
		return Text{"Municipal works", "市政"}
	case "landscape":
		return Text{"Landscaping", "园林"}
	case "urban_management":
		return Text{"Urban management", "城管"}
	case "volunteers":
		return Text{"Volunteers", "志愿者"}
	}
	return Same(team)
}

// Teams are those that a catalog knows.
func Teams() []string {
	return []string{"sanitation", "municipal", "landscape", "urban_management", "volunteers"}
}
