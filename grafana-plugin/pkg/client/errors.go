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
	Canceled                 // whoever asked has gone
)

// Error is why there is no answer. It says so in both languages.
type Error struct {
	Kind   Kind
	Status int // of HTTP; 0: there was no answer
	URL    string
	Detail string // Belfry's own words, or those of the network
	err    error
}

// Error says it in English.
func (e *Error) Error() string { return e.In(wording.English) }

// Unwrap returns the cause, if there is one.
func (e *Error) Unwrap() error { return e.err }

// In says what is wrong, and how to mend it.
func (e *Error) In(l wording.Lang) string {
	switch e.Kind {
	case Busy, Failed, TooLarge, Garbled, Canceled, BadRequest, NotFound:
		return e.answered(l)
	default:
		return e.connection(l)
	}
}

func (e *Error) connection(l wording.Lang) string {
	switch e.Kind {
	case Timeout:
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
	case Garbled:
		return wording.Text{EN: "The answer from %s cannot be read: %s. If there is a proxy in between, look whether it cuts or changes answers.",
			ZH: "无法解析 %s 的应答：%s。若中间有代理，请检查它是否截断或改动了应答。"}.In(l, e.URL, e.Detail)
	case Canceled:
		return wording.Text{EN: "The query was canceled.", ZH: "查询已取消。"}.In(l)
	default:
		return wording.Text{EN: "Belfry answers with an error (HTTP %d): %s. Its log says more.",
			ZH: "Belfry 返回错误（HTTP %d）：%s。详情见其日志。"}.In(l, e.Status, e.Detail)
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
	e.Detail = said
	switch code := resp.StatusCode; {
	case code < 400:
		e.Kind, e.Detail = Redirected, clip(resp.Header.Get("Location"))
	case strings.Contains(string(body), "HTTP request to an HTTPS server"):
		e.Kind, e.Detail = TLS, clip(strings.TrimSpace(string(body)))
	case code == http.StatusUnauthorized:
		e.Kind = TokenRefused
	case code == http.StatusForbidden:
		e.Kind = Forbidden
	case code == http.StatusTooManyRequests || code == http.StatusServiceUnavailable:
		e.Kind = Busy
	case code == http.StatusBadGateway || code == http.StatusGatewayTimeout:
		e.Kind, e.Detail = Unreachable, fmt.Sprintf("a proxy in front of it says %s", resp.Status)
	case code == http.StatusNotFound && !belfry:
		e.Kind, e.Detail = NotFound, clip(resp.Request.URL.Path)
	case code == http.StatusNotFound:
		e.Kind = NotFound
	case code < 500 && !belfry:
		e.Kind, e.Detail = NotBelfry, resp.Status
	case code < 500 || code == http.StatusUnprocessableEntity:
		e.Kind = BadRequest
	}
	return e
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
