package server

import "os/exec"

// VMAlert evaluates rules over a VictoriaMetrics and tells an Alertmanager.
type VMAlert struct {
	Binary string
	// Flags say where the two are, and which rules there are.
	Flags []string
}

// Name implements Program.
func (VMAlert) Name() string { return "vmalert" }

// Command implements Program.
func (v VMAlert) Command(_, addr string) (*exec.Cmd, error) {
	return exec.Command(v.Binary, append([]string{"-httpListenAddr=" + addr}, v.Flags...)...), nil
}

// Ready implements Program.
func (VMAlert) Ready() string { return "/health" }

// Alertmanager is a single one, without a cluster to wait for.
type Alertmanager struct {
	Binary string
	// Config is its configuration file.
	Config string
}

// Name implements Program.
func (Alertmanager) Name() string { return "alertmanager" }

// Command implements Program.
func (a Alertmanager) Command(dir, addr string) (*exec.Cmd, error) {
	return exec.Command(a.Binary, "--config.file="+a.Config, "--storage.path="+dir, "--web.listen-address="+addr,
		"--cluster.listen-address="), nil
}

// Ready implements Program.
func (Alertmanager) Ready() string { return "/-/ready" }
