package grafana

// Target is one query, in the model of Belfry's data source: Kind chooses which
// of the other fields count.
type Target struct {
	RefID      string `json:"refId"`
	Datasource *Ref   `json:"datasource,omitempty"`
	Hide       bool   `json:"hide,omitempty"`
	Kind       string `json:"kind"`

	Expr         string `json:"expr,omitempty"`
	Range        bool   `json:"range,omitempty"`
	Instant      bool   `json:"instant,omitempty"`
	LegendFormat string `json:"legendFormat,omitempty"`
	Interval     string `json:"interval,omitempty"`
	Format       string `json:"format,omitempty"`
	EditorMode   string `json:"editorMode,omitempty"`
	Distinct     bool   `json:"distinct,omitempty"` // a colour for each line
	Units        bool   `json:"units,omitempty"`    // those of the metrics

	Hazards   *Hazards   `json:"hazards,omitempty"`
	Assets    *Assets    `json:"assets,omitempty"`
	Events    *Events    `json:"events,omitempty"`
	Anomalies *Anomalies `json:"anomalies,omitempty"`
	Response  *Response  `json:"response,omitempty"`
	Live      bool       `json:"live,omitempty"`
	Lang      string     `json:"lang,omitempty"`
}

// Kinds of queries.
const (
	KindMetrics   = "metrics"
	KindHazards   = "hazards"
	KindAssets    = "assets"
	KindEvents    = "events"
	KindAnomalies = "anomalies"
	KindResponse  = "response"
)

// Hazards asks for hazards, or how many there are. Empty filters let all through.
type Hazards struct {
	Show     string   `json:"show"`
	By       string   `json:"by,omitempty"`
	Status   []string `json:"status,omitempty"`
	Severity []string `json:"severity,omitempty"`
	Domain   []string `json:"domain,omitempty"`
	Team     []string `json:"team,omitempty"`
	Street   []string `json:"street,omitempty"`
	District []string `json:"district,omitempty"`
	Rule     []string `json:"rule,omitempty"`
	Asset    []string `json:"asset,omitempty"`
	Limit    int      `json:"limit,omitempty"`
}

// Assets asks for assets with their worst state, and the newest values of Metrics.
type Assets struct {
	Show     string   `json:"show"`
	Domain   []string `json:"domain,omitempty"`
	Team     []string `json:"team,omitempty"`
	Street   []string `json:"street,omitempty"`
	District []string `json:"district,omitempty"`
	State    []string `json:"state,omitempty"`
	Asset    []string `json:"asset,omitempty"`
	Metrics  []string `json:"metrics,omitempty"`
	Limit    int      `json:"limit,omitempty"`
}

// Events asks for what cameras and people reported.
type Events struct {
	Kind     []string `json:"kind,omitempty"`
	Domain   []string `json:"domain,omitempty"`
	Team     []string `json:"team,omitempty"`
	Severity []string `json:"severity,omitempty"`
	Asset    []string `json:"asset,omitempty"`
	Limit    int      `json:"limit,omitempty"`
}

// Anomalies asks for values with what models expected of them.
type Anomalies struct {
	Select   string `json:"select"`
	Detector string `json:"detector,omitempty"`
	Limit    int    `json:"limit,omitempty"`
}

// Response asks how fast hazards are dealt with.
type Response struct {
	Show     string   `json:"show"`
	By       string   `json:"by,omitempty"`
	Domain   []string `json:"domain,omitempty"`
	Team     []string `json:"team,omitempty"`
	Street   []string `json:"street,omitempty"`
	Severity []string `json:"severity,omitempty"`
}
