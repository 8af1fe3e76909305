package demo

import (
	"strings"

	"github.com/belfry-city/belfry/internal/config"
	"github.com/belfry-city/belfry/loadtest/city"
)

// LanguageOf chooses a language by the environment, as programs do: the first
// of LC_ALL, LC_MESSAGES and LANG that is set counts.
func LanguageOf(getenv func(string) string) config.Language {
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if v := getenv(name); v != "" {
			if strings.HasPrefix(strings.ToLower(v), "zh") {
				return config.LanguageChinese
			}
			return config.LanguageEnglish
		}
	}
	return config.LanguageEnglish
}

// phrases are what the terminal says in one language. A %s or %d stands for
// what the name says.
type phrases struct {
	comma string

	title, promise                                       string
	address, devices, ask, real, simulated, dataDir, end string // words in front of the header's lines
	addressSays                                          string
	realSays                                             string // speed
	simulatedSays                                        string // number of assets
	past                                                 string // it is being made
	removedAtEnd, kept, stop, stopAfter                  string // stopAfter: a duration
	firstPage                                            string

	severity     map[string]string
	team         map[string]string
	domain       map[string]string
	noTeam       string
	resolved     string
	latency      string // a duration
	heldLatency  string // two durations
	over, still  string // a duration
	perSecond    string // number
	series       string // number
	pagesAndOpen string // two numbers
	refused      string // number
	howToStop    string
	notStored    string
	stopping     string

	summary                                   string // duration
	readings, pages                           string // words in front of the summary's lines
	readingsSay                               string // stored, a second, refused
	pagesSay                                  string // total, resolved, open
	collected                                 string // why warnings take longer
	noPages                                   string
	columnReach, columnPages                  string
	columnHalf, columnMost, columnAll         string
	columnDomain, columnTime, columnWhere     string
	columnValue, columnLatency, columnLasted  string
	columnTeam, columnSeverity, open, earlier string // earlier: a number
	nothingLeft, dataKept                     string // dataKept: the directory
}

func phrasesOf(language config.Language) phrases {
	if language == config.LanguageChinese {
		return chinese()
	}
	return english()
}

func english() phrases {
	return phrases{
		comma: ", ",
		title: "BELFRY DEMO", promise: "A small city on this machine: readings go in, pages come out.",
		address: "Address", devices: "Devices", ask: "Try", real: "Replayed", simulated: "Simulated", dataDir: "Data", end: "Stop",
		addressSays:   "InfluxDB writes, PromQL, Alertmanager API",
		realSays:      "car parks in Aarhus and roadside air in Italy, %s times as fast",
		simulatedSays: "a district of %s assets with hazards, and the month before",
		past:          "Making the month before …",
		removedAtEnd:  "removed at the end", kept: "kept", stop: "Ctrl-C", stopAfter: "by itself after %s, or Ctrl-C",
		firstPage: "The first page comes in about ten seconds.",
		severity:  map[string]string{"critical": "CRITICAL", "warning": "WARNING", "info": "INFO"},
		team: map[string]string{
			"sanitation": "Sanitation", "municipal": "Municipal works", "landscape": "Landscaping",
			"urban_management": "Urban management", "volunteers": "Volunteers",
		},
		domain: map[string]string{},
		noTeam: "no team", resolved: "RESOLVED", latency: "%s from reading to page", heldLatency: "held %s, then %s to page",
		over: "over after %s", still: "firing still, for %s",
		perSecond: "%s readings/s stored", series: "%s series", pagesAndOpen: "%s paged, %s open",
		refused: "%s REFUSED", howToStop: "Ctrl-C stops", notStored: "NOT STORED AT PRESENT", stopping: "Stopping …",
		summary:  "SUMMARY of %s",
		readings: "Readings", pages: "Pages",
		readingsSay: "%s stored (%s a second), %s refused",
		pagesSay:    "%s; %s resolved, %s open",
		columnReach: "READING TO PAGE", columnPages: "PAGES", columnHalf: "HALF IN", columnMost: "99 % IN", columnAll: "ALL IN",
		collected:    " (collected for 10 s)",
		noPages:      "none",
		columnDomain: "DOMAIN", columnTime: "TIME", columnWhere: "WHERE", columnValue: "VALUE", columnLatency: "LATENCY",
		columnLasted: "LASTED", columnTeam: "TEAM", columnSeverity: "SEVERITY", open: "open", earlier: "and %s before these",
		nothingLeft: "The data directory is removed; nothing is left behind.",
		dataKept:    "The data stays in %s.",
	}
}

func chinese() phrases {
	return phrases{
		comma: "，",
		title: "BELFRY 钟楼 演示", promise: "本机上的一座小城：读数进来，告警出去。",
		address: "地址", devices: "设备接入", ask: "试查", real: "回放", simulated: "模拟", dataDir: "数据", end: "停止",
		addressSays:   "InfluxDB 写入、PromQL、Alertmanager API",
		realSays:      "奥胡斯 8 座停车场、意大利路边空气的真实数据，%s 倍速",
		simulatedSays: "一个城区的 %s 个设施，险情按脚本发生；另有此前一个月的数据",
		past:          "正在生成此前一个月的数据……",
		removedAtEnd:  "结束时删除", kept: "保留", stop: "Ctrl-C", stopAfter: "%s 后自动停止，或 Ctrl-C",
		firstPage: "约十秒后出现第一条告警。",
		severity:  map[string]string{"critical": "紧急", "warning": "警告", "info": "提示"},
		team: map[string]string{
			"sanitation": "环卫", "municipal": "市政", "landscape": "园林", "urban_management": "城管", "volunteers": "志愿者",
		},
		domain: map[string]string{
			"gas": "燃气", "bridge": "桥梁", "tunnel": "隧道", "road": "道路", "drainage": "排水", "water": "供水",
			"lighting": "照明", "landscape": "园林", "parking": "停车", "camera": "摄像机", "device": "设备",
		},
		noTeam: "未指定责任队伍", resolved: "已恢复", latency: "读数到告警 %s", heldLatency: "持续满 %s 后 %s 告警",
		over: "持续 %s", still: "仍在持续，已 %s",
		perSecond: "每秒存入读数 %s", series: "序列 %s", pagesAndOpen: "告警 %s，未恢复 %s",
		refused: "拒收 %s", howToStop: "Ctrl-C 停止", notStored: "目前无法存入", stopping: "正在停止……",
		summary:  "运行 %s 小结",
		readings: "读数", pages: "告警",
		readingsSay: "存入 %s 条（每秒 %s 条），拒收 %s 条",
		pagesSay:    "%s 条；已恢复 %s 条，未恢复 %s 条",
		columnReach: "读数到告警", columnPages: "条数", columnHalf: "半数以内", columnMost: "99% 以内", columnAll: "最长",
		collected:    "（汇集 10 秒后发出）",
		noPages:      "无",
		columnDomain: "领域", columnTime: "时间", columnWhere: "地点", columnValue: "数值", columnLatency: "时延",
		columnLasted: "持续", columnTeam: "队伍", columnSeverity: "级别", open: "未恢复", earlier: "此前另有 %s 条",
		nothingLeft: "数据目录已删除，没有留下任何东西。",
		dataKept:    "数据保留在 %s。",
	}
}

func wordFor(words map[string]string, key string) string {
	if w, ok := words[key]; ok {
		return w
	}
	return plain(key)
}

// placeName is what people call a place of the simulated district; of other
// places there is only one name.
func placeName(slug string, language config.Language) string {
	en, zh, known := city.PlaceName(slug)
	switch {
	case !known:
		return plain(slug)
	case language == config.LanguageChinese:
		return zh
	}
	return en
}
