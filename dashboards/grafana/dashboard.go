package grafana

// SchemaVersion is that of Grafana 12.3's classic model.
const SchemaVersion = 42

// PluginID is the id of Belfry's data source plugin.
const PluginID = "belfry-cityops-datasource"

// Dashboard is one file. ID stays null, so that importing makes a new one.
type Dashboard struct {
	ID            *int       `json:"id"`
	UID           string     `json:"uid"`
	Title         string     `json:"title"`
	Description   string     `json:"description"`
	Tags          []string   `json:"tags"`
	Timezone      string     `json:"timezone"`
	Editable      bool       `json:"editable"`
	GraphTooltip  int        `json:"graphTooltip"`
	LiveNow       bool       `json:"liveNow"`
	Refresh       string     `json:"refresh"`
	SchemaVersion int        `json:"schemaVersion"`
	Version       int        `json:"version"`
	Time          TimeRange  `json:"time"`
	Timepicker    Timepicker `json:"timepicker"`
	Templating    List       `json:"templating"`
	Annotations   List       `json:"annotations"`
	Links         []Link     `json:"links"`
	Panels        []Panel    `json:"panels"`
}

// TimeRange has Grafana's words, such as now-6h.
type TimeRange struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// Timepicker hides itself on walls.
type Timepicker struct {
	Hidden bool `json:"hidden,omitempty"`
}

// List is what Grafana wraps lists of variables and annotations in.
type List struct {
	List []any `json:"list"`
}

// Ref names a data source.
type Ref struct {
	Type string `json:"type"`
	UID  string `json:"uid"`
}

// Variable is one variable of a dashboard.
type Variable struct {
	Name        string   `json:"name"`
	Type        string   `json:"type"`
	Label       string   `json:"label"`
	Description string   `json:"description,omitempty"`
	Hide        int      `json:"hide"`
	SkipURLSync bool     `json:"skipUrlSync"`
	Query       any      `json:"query"`
	Datasource  *Ref     `json:"datasource,omitempty"`
	Definition  string   `json:"definition,omitempty"`
	Refresh     int      `json:"refresh,omitempty"`
	Regex       string   `json:"regex"`
	Sort        int      `json:"sort,omitempty"`
	Multi       bool     `json:"multi"`
	IncludeAll  bool     `json:"includeAll"`
	AllValue    string   `json:"allValue,omitempty"`
	Options     []Option `json:"options"`
	Current     Option   `json:"current"`
	QueryValue  string   `json:"queryValue,omitempty"`
}

// Annotation marks in panels over time what a query finds.
type Annotation struct {
	Name       string `json:"name"`
	Enable     bool   `json:"enable"`
	Hide       bool   `json:"hide"`
	IconColor  string `json:"iconColor"`
	Datasource *Ref   `json:"datasource"`
	Target     Target `json:"target"`
}

// Option is one choice of a variable. Text and Value are a string, or a list of
// them where the variable takes several.
type Option struct {
	Selected bool `json:"selected,omitempty"`
	Text     any  `json:"text,omitempty"`
	Value    any  `json:"value,omitempty"`
}

// Link is one of a dashboard, a panel or a field.
type Link struct {
	Title       string   `json:"title"`
	Type        string   `json:"type,omitempty"`
	Icon        string   `json:"icon,omitempty"`
	Tooltip     string   `json:"tooltip,omitempty"`
	URL         string   `json:"url"`
	Tags        []string `json:"tags,omitempty"`
	AsDropdown  bool     `json:"asDropdown,omitempty"`
	TargetBlank bool     `json:"targetBlank"`
	IncludeVars bool     `json:"includeVars,omitempty"`
	KeepTime    bool     `json:"keepTime,omitempty"`
}

// Panel is one panel, or the heading of a row.
type Panel struct {
	ID              int              `json:"id"`
	Type            string           `json:"type"`
	Title           string           `json:"title"`
	Description     string           `json:"description,omitempty"`
	GridPos         GridPos          `json:"gridPos"`
	Datasource      *Ref             `json:"datasource,omitempty"`
	Transparent     bool             `json:"transparent,omitempty"`
	Links           []Link           `json:"links,omitempty"`
	Interval        string           `json:"interval,omitempty"`
	MaxDataPoints   int              `json:"maxDataPoints,omitempty"`
	FieldConfig     *FieldConfig     `json:"fieldConfig,omitempty"`
	Options         map[string]any   `json:"options,omitempty"`
	Targets         []Target         `json:"targets,omitempty"`
	Transformations []Transformation `json:"transformations,omitempty"`
	Repeat          string           `json:"repeat,omitempty"`
	RepeatDirection string           `json:"repeatDirection,omitempty"`
	MaxPerRow       int              `json:"maxPerRow,omitempty"`
	Collapsed       *bool            `json:"collapsed,omitempty"`
	Panels          []Panel          `json:"panels,omitempty"`
}

// GridPos is in units of Grafana's grid: 24 columns, rows of 30 pixels and 8 between.
type GridPos struct {
	H int `json:"h"`
	W int `json:"w"`
	X int `json:"x"`
	Y int `json:"y"`
}

// Transformation is one step that Grafana's frontend takes with the frames.
type Transformation struct {
	ID      string         `json:"id"`
	Options map[string]any `json:"options"`
}
