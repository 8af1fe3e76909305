package grafana

// FieldConfig says how fields are shown.
type FieldConfig struct {
	Defaults  Field      `json:"defaults"`
	Overrides []Override `json:"overrides"`
}

// Field is how one field is shown, where nothing overrides it.
type Field struct {
	DisplayName string         `json:"displayName,omitempty"`
	Unit        string         `json:"unit"`
	Decimals    *int           `json:"decimals,omitempty"`
	Min         *float64       `json:"min,omitempty"`
	Max         *float64       `json:"max,omitempty"`
	NoValue     string         `json:"noValue"`
	Color       Color          `json:"color"`
	Thresholds  Thresholds     `json:"thresholds"`
	Mappings    []Mapping      `json:"mappings"`
	Links       []Link         `json:"links,omitempty"`
	Custom      map[string]any `json:"custom,omitempty"`
}

// Color is a mode such as fixed, shades or thresholds.
type Color struct {
	Mode       string `json:"mode"`
	FixedColor string `json:"fixedColor,omitempty"`
}

// Thresholds has steps in ascending order, the first without a value.
type Thresholds struct {
	Mode  string `json:"mode"`
	Steps []Step `json:"steps"`
}

// Step colours everything from Value up to the next step.
type Step struct {
	Color string   `json:"color"`
	Value *float64 `json:"value"`
}

// Mapping replaces values by words and colours. Type is value, range, special or regex.
type Mapping struct {
	Type    string `json:"type"`
	Options any    `json:"options"`
}

// Result is what a mapping makes of a value.
type Result struct {
	Text  string `json:"text,omitempty"`
	Color string `json:"color,omitempty"`
	Index int    `json:"index"`
}

// Range maps what lies from From to To, both inclusive; nil is without end.
type Range struct {
	From   *float64 `json:"from"`
	To     *float64 `json:"to"`
	Result Result   `json:"result"`
}

// Override sets properties of the fields that Matcher chooses.
type Override struct {
	Matcher    Matcher    `json:"matcher"`
	Properties []Property `json:"properties"`
}

// Matcher is such as byName or byFrameRefID.
type Matcher struct {
	ID      string `json:"id"`
	Options any    `json:"options"`
}

// Property is one setting by its id, such as unit or custom.width.
type Property struct {
	ID    string `json:"id"`
	Value any    `json:"value"`
}
