package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/belfry-city/belfry/grafana-plugin/pkg/wording"
)

// Kind is what went wrong.
type Kind int

// What may go wrong.
const (
	Unreachable  Kind = iota // nobody answers at the address
	Timeout                  // no answer in time
	TLS                      // the connection is not trusted, or not TLS
	BadURL                   // the URL of the settings is none
	Redirected               // something points elsewhere
	NotBelfry                // something else answers
	TokenRefused             // 401
	Forbidden                // 403
	NotFound                 // 404: also an old Belfry
	BadRequest               // the question is wrong
	Busy                     // 429 and 503: later
	Failed                   // 5xx
	TooLarge                 // more bytes than the limit
	Garbled                  // the answer is no answer
	CutShort                 // the answer has no end
	TooLong                  // a proxy does not take so long a question
	Unasked                  // 3xx that leads nowhere
	Canceled                 // whoever asked has gone
)

// Error is why there is no answer. It says so in both languages.
type Error struct {
	Kind   Kind
	Status int // of HTTP; 0: there was no answer
	URL    string
	Detail string // Belfry's own words, or those of the network
	proxy  bool   // what answers does not speak as Belfry does
	err    error
}

// Error says it in English.
func (e *Error) Error() string { return e.In(wording.English) }

// Unwrap returns the cause, if there is one.
func (e *Error) Unwrap() error { return e.err }

// In says what is wrong, and how to mend it.
func (e *Error) In(l wording.Lang) string {
	own := *e
	own.Detail = strings.TrimRight(e.Detail, ". \n") // sentences go on after it
	switch e.Kind {
	case Busy, Failed, TooLarge, Canceled, BadRequest, NotFound:
		return own.answered(l)
	case Garbled, CutShort, TooLong, Unasked:
		return own.between(l)
	default:
		return own.connection(l)
	}
}

func (e *Error) connection(l wording.Lang) string {
	switch e.Kind {
	case Timeout:
		if e.proxy {
			return wording.Text{EN: "The proxy in front of Belfry at %s did not wait for the answer (%s). Ask for less time or fewer series, or let the proxy wait longer; if it is always so, check that Belfry runs.",
				ZH: "%s 处 Belfry 前面的代理未等到应答（%s）。请缩短时间范围或减少序列，或调大代理的超时；若总是如此，请确认 Belfry 正在运行。"}.In(l, e.URL, e.Detail)
		}
		return wording.Text{EN: "Belfry at %s gave no answer in time. Ask for less time or fewer series, or raise the timeout in the data source's settings.",
			ZH: "%s 处的 Belfry 未在时限内应答。请缩短时间范围或减少序列，或在数据源设置中调大超时。"}.In(l, e.URL)
	case TLS:
		return wording.Text{EN: "The TLS connection to %s failed: %s. %s",
			ZH: "与 %s 的 TLS 连接失败：%s。%s"}.In(l, e.URL, e.Detail, e.remedyTLS(l))
	case BadURL:
		return wording.Text{EN: "The URL in the data source's settings is %q; want one such as http://belfry:9400 or https://city.example/belfry.",
			ZH: "数据源设置中的 URL 为 %q；应如 http://belfry:9400 或 https://city.example/belfry。"}.In(l, e.Detail)
	case Redirected:
		return wording.Text{EN: "%s points to %s. If Belfry is there, put that address into the data source's settings; if it is a login page, give the data source a way past it.",
			ZH: "%s 被重定向到 %s。若 Belfry 在那里，请把该地址填入数据源设置；若是登录页，请为数据源开放访问。"}.In(l, e.URL, e.Detail)
	case NotBelfry:
		return wording.Text{EN: "What answers at %s is not Belfry (%s). Check the URL in the data source's settings, and its path if a proxy adds one.",
			ZH: "%s 处应答的不是 Belfry（%s）。请检查数据源设置中的 URL；若经代理，还要检查路径前缀。"}.In(l, e.URL, e.Detail)
	case TokenRefused:
		return wording.Text{EN: "Belfry refuses the token (%s). Make one with `belfry token new`, scope read, and put it into the data source's settings.",
			ZH: "Belfry 拒绝了令牌（%s）。请用 `belfry token new` 生成 read 权限的令牌并填入数据源设置。"}.In(l, e.Detail)
	case Forbidden:
		return wording.Text{EN: "Belfry does not let this token read (%s). Give it the scope read in Belfry's configuration (auth.tokens).",
			ZH: "Belfry 不允许该令牌读取（%s）。请在 Belfry 配置的 auth.tokens 中给它 read 权限。"}.In(l, e.Detail)
	default:
		return wording.Text{EN: "Belfry at %s cannot be reached: %s. Check that it runs, that the URL in the data source's settings is right, and that Grafana's machine may connect to it.",
			ZH: "无法连接 %s 处的 Belfry：%s。请确认它正在运行、数据源设置中的 URL 正确，且 Grafana 所在机器可以访问它。"}.In(l, e.URL, e.Detail)
	}
}

func (e *Error) answered(l wording.Lang) string {
	switch e.Kind {
	case NotFound:
		if e.proxy {
			return wording.Text{EN: "There is no %s at %s. Check the URL in the data source's settings, and its path if a proxy adds one; if they are right, Belfry is older than this plugin: update Belfry.",
				ZH: "没有 %s（%s）。请检查数据源设置中的 URL；若经代理，还要检查路径前缀。若都正确，说明 Belfry 版本早于本插件：请升级 Belfry。"}.In(l, e.Detail, e.URL)
		}
		return wording.Text{EN: "Belfry has no such thing (%s). If this always happens, it is older than this plugin: update Belfry.",
			ZH: "Belfry 中没有此项（%s）。若总是如此，说明 Belfry 版本早于本插件：请升级 Belfry。"}.In(l, e.Detail)
	case BadRequest:
		return wording.Text{EN: "Belfry does not accept this: %s", ZH: "Belfry 不接受此查询：%s"}.In(l, e.Detail)
	case Busy:
		return wording.Text{EN: "Belfry is busy or starting: %s. It answers again by itself; ask again in some seconds.",
			ZH: "Belfry 正忙或正在启动：%s。稍后会自行恢复，请过几秒再试。"}.In(l, e.Detail)
	case TooLarge:
		return wording.Text{EN: "Belfry's answer is larger than %s. Ask for less time or fewer series, or aggregate (sum by, topk).",
			ZH: "Belfry 的应答超过 %s。请缩短时间范围、减少序列，或做聚合（sum by、topk）。"}.In(l, e.Detail)
	case Canceled:
		return wording.Text{EN: "The query was canceled.", ZH: "查询已取消。"}.In(l)
	default:
		return wording.Text{EN: "Belfry answers with an error (HTTP %d): %s. Its log says more.",
			ZH: "Belfry 返回错误（HTTP %d）：%s。详情见其日志。"}.In(l, e.Status, e.Detail)
	}
}

// between is for what is most often the work of a proxy.
func (e *Error) between(l wording.Lang) string {
	switch e.Kind {
	case CutShort:
		return wording.Text{EN: "The answer from %s ended in the middle (%s). Ask again; if it is always so, look at the limits of size and time of the proxy in between, and into Belfry's log.",
			ZH: "%s 的应答中途断开（%s）。请重试；若总是如此，请检查中间代理的大小和时间限制，并查看 Belfry 日志。"}.In(l, e.URL, e.Detail)
	case TooLong:
		return wording.Text{EN: "The query is longer than what a proxy in front of %s takes (%s). Use fewer words in filters or a shorter expression, or let the proxy take more.",
			ZH: "查询过长，%s 前面的代理不接受（%s）。请减少过滤词或缩短表达式，或放宽代理的限制。"}.In(l, e.URL, e.Detail)
	case Unasked:
		return wording.Text{EN: "%s answers %s, as Belfry never does. Let the proxy or cache in between pass on questions and answers as they are.",
			ZH: "%s 返回 %s，Belfry 不会这样应答。请让中间的代理或缓存原样转发请求和应答。"}.In(l, e.URL, e.Detail)
	default:
		return wording.Text{EN: "The answer from %s cannot be read: %s. If there is a proxy in between, look whether it cuts or changes answers.",
			ZH: "无法解析 %s 的应答：%s。若中间有代理，请检查它是否截断或改动了应答。"}.In(l, e.URL, e.Detail)
	}
}

func (e *Error) remedyTLS(l wording.Lang) string {
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(e.err, &unknown):
		return wording.Text{EN: "The certificate is of an authority that this machine does not know: paste the CA's certificate into the settings (With CA Cert).",
			ZH: "证书由本机不认识的机构签发：请在设置中启用“With CA Cert”并粘贴 CA 证书。"}.In(l)
	case errors.As(e.err, &host):
		return wording.Text{EN: "The certificate is for other names: use one of them in the URL, or set ServerName.",
			ZH: "证书不是签给这个名称的：请在 URL 中使用证书上的名称，或设置 ServerName。"}.In(l)
	case errors.As(e.err, &invalid):
		return wording.Text{EN: "Renew the certificate, or set the clock right.", ZH: "请更新证书，或校准时钟。"}.In(l)
	case strings.Contains(e.Detail, "HTTP response to HTTPS client") || strings.Contains(e.Detail, "first record does not look like"):
		return wording.Text{EN: "Belfry speaks plain HTTP there: begin the URL with http://.", ZH: "该处的 Belfry 使用明文 HTTP：URL 应以 http:// 开头。"}.In(l)
	case strings.Contains(e.Detail, "HTTP request to an HTTPS server"):
		return wording.Text{EN: "It speaks TLS there: begin the URL with https://.", ZH: "该处使用 TLS：URL 应以 https:// 开头。"}.In(l)
	default:
		return wording.Text{EN: "Check the CA, the client certificate and its key in the settings.", ZH: "请检查设置中的 CA、客户端证书及其密钥。"}.In(l)
	}
}

// failed is for what the network says.
func (c *Client) failed(ctx context.Context, err error) error {
	e := &Error{Kind: Unreachable, URL: c.URL(), err: err, Detail: err.Error()}
	var asked *url.Error
	if errors.As(err, &asked) {
		e.Detail = asked.Err.Error() // without the address, which is in URL
	}
	var network net.Error
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		e.Kind = Canceled
	case isTLS(err):
		e.Kind = TLS
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		e.Kind = Timeout
	}
	return e
}

// broken is for what the network says when a part of the answer is there.
func (c *Client) broken(ctx context.Context, err error) error {
	failed := c.failed(ctx, err)
	var known *Error
	if errors.As(failed, &known) && known.Kind == Unreachable {
		known.Kind = CutShort
	}
	return failed
}

func isTLS(err error) bool {
	var (
		verify *tls.CertificateVerificationError
		record tls.RecordHeaderError
		alert  tls.AlertError
	)
	return errors.As(err, &verify) || errors.As(err, &record) || errors.As(err, &alert) || errors.Is(err, http.ErrSchemeMismatch) ||
		strings.Contains(err.Error(), "remote error: tls:")
}

const (
	refusalBytes = 64 << 10
	detailBytes  = 1000
)

// refused is for what an answer of 300 and more says.
func (c *Client) refused(resp *http.Response) error {
	if resp.StatusCode < 300 {
		return nil
	}
	e := &Error{Kind: Failed, Status: resp.StatusCode, URL: c.URL()}
	body, _ := io.ReadAll(io.LimitReader(resp.Body, refusalBytes)) // what there is of it
	said, belfry := reason(resp, body)
	e.Detail, e.proxy = said, !belfry
	switch code := resp.StatusCode; {
	case code < 400 && resp.Header.Get("Location") == "":
		e.Kind, e.Detail = Unasked, resp.Status
	case code < 400:
		e.Kind, e.Detail = Redirected, clip(public(resp.Header.Get("Location")))
	case strings.Contains(string(body), "HTTP request to an HTTPS server"):
		e.Kind, e.Detail = TLS, clip(strings.TrimSpace(string(body)))
	case code == http.StatusUnauthorized:
		e.Kind = TokenRefused
	case code == http.StatusForbidden:
		e.Kind = Forbidden
	case code == http.StatusTooManyRequests || code == http.StatusServiceUnavailable:
		e.Kind = Busy
	case code == http.StatusGatewayTimeout:
		e.Kind, e.Detail, e.proxy = Timeout, resp.Status, true
	case code == http.StatusBadGateway:
		e.Kind, e.Detail = Unreachable, fmt.Sprintf("a proxy in front of it says %s", resp.Status)
	case code == http.StatusNotFound && !belfry:
		e.Kind, e.Detail = NotFound, clip(resp.Request.URL.Path)
	case code == http.StatusNotFound:
		e.Kind = NotFound
	case isTooLong(code) && !belfry:
		e.Kind, e.Detail = TooLong, resp.Status
	case code < 500 && !belfry:
		e.Kind, e.Detail = NotBelfry, resp.Status
	case code < 500 || code == http.StatusUnprocessableEntity:
		e.Kind = BadRequest
	}
	return e
}

func isTooLong(code int) bool {
	return code == http.StatusRequestEntityTooLarge || code == http.StatusRequestURITooLong || code == http.StatusRequestHeaderFieldsTooLarge
}

// public is an address without what only those in the know may see: who logs in,
// and parameters, such as those of a login.
func public(address string) string {
	if i := strings.IndexAny(address, "?#"); i >= 0 {
		address = address[:i+1] + "…"
	}
	scheme, rest, found := strings.Cut(address, "//")
	if at := strings.LastIndex(rest, "@"); found && at >= 0 {
		return scheme + "//xxxxx" + rest[at:]
	}
	if at := strings.LastIndex(address, "@"); at >= 0 {
		return "xxxxx" + address[at:]
	}
	return address
}

// reason is what an answer says of itself, and whether it does so as Belfry
// does.
func reason(resp *http.Response, body []byte) (text string, belfry bool) {
	if isJSON(resp) {
		var said struct {
			Error string `json:"error"`
		}
		if json.Unmarshal(body, &said) == nil && said.Error != "" {
			return clip(said.Error), true
		}
	}
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/plain") {
		if line, _, _ := bytes.Cut(bytes.TrimSpace(body), []byte("\n")); len(line) > 0 {
			return clip(string(line)), false
		}
	}
	return resp.Status, false
}

// clip shortens a text that goes into a message.
func clip(text string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if len(text) <= detailBytes {
		return text
	}
	cut := detailBytes
	for !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "…"
}
