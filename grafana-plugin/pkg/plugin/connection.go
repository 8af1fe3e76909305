package plugin

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"strings"
	"time"
	"unicode"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/backend/httpclient"

	"github.com/belfry-city/belfry/grafana-plugin/pkg/wording"
)

func fault(text wording.Text, args ...any) error { return &wording.Fault{Text: text, Args: args} }

// connection is what the settings say of HTTP and TLS. An error says which of
// them is wrong: the network and crypto packages speak of their own affairs only.
func connection(ctx context.Context, from backend.DataSourceInstanceSettings, own settings, token string) (*http.Client, error) {
	options, err := from.HTTPClientOptions(ctx)
	if err != nil {
		return nil, fault(wording.Text{EN: "the data source's HTTP settings cannot be read: %v", ZH: "无法读取数据源的 HTTP 设置：%v"}, err)
	}
	if strings.ContainsFunc(strings.TrimSpace(token), unicode.IsControl) {
		return nil, fault(wording.Text{
			EN: "The token has a line break or another control character in it. Paste it again, as one line.",
			ZH: "令牌中含有换行或其他控制字符。请重新粘贴为一行。",
		})
	}
	if err := checkHeaders(options.Header); err != nil {
		return nil, err
	}
	if options.TLS != nil {
		if err := checkTLS(*options.TLS); err != nil {
			return nil, err
		}
	}
	if options.Timeouts != nil {
		options.Timeouts.Timeout = httpclient.DefaultTimeoutOptions.Timeout
		if own.Timeout > 0 {
			options.Timeouts.Timeout = time.Duration(own.Timeout * float64(time.Second))
		}
	}
	c, err := httpclient.New(options)
	if err != nil {
		return nil, fault(wording.Text{
			EN: "the data source's TLS or proxy settings cannot be used: %v", ZH: "无法使用数据源的 TLS 或代理设置：%v",
		}, err)
	}
	return c, nil
}

func checkHeaders(headers http.Header) error {
	for name, values := range headers {
		if name == "" || strings.ContainsFunc(name, notInNames) {
			return fault(wording.Text{
				EN: "The header name %q of the settings cannot be sent: want letters, digits and hyphens, such as X-City.",
				ZH: "设置中的请求头名称 %q 无法发送：应只含字母、数字和连字符，如 X-City。",
			}, name)
		}
		for i, value := range values {
			values[i] = strings.TrimSpace(value)
			if strings.ContainsFunc(values[i], unicode.IsControl) {
				return fault(wording.Text{
					EN: "The value of the header %s has a line break or another control character in it. Paste it again, as one line.",
					ZH: "请求头 %s 的值中含有换行或其他控制字符。请重新粘贴为一行。",
				}, name)
			}
		}
	}
	return nil
}

func notInNames(r rune) bool {
	letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
	return !letter && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
}

func checkTLS(o httpclient.TLSOptions) error {
	if o.CACertificate != "" && !x509.NewCertPool().AppendCertsFromPEM([]byte(o.CACertificate)) {
		return fault(wording.Text{
			EN: "The CA certificate of the settings is none: paste the whole PEM file, from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----.",
			ZH: "设置中的 CA 证书无效：请粘贴完整的 PEM 文件，从 -----BEGIN CERTIFICATE----- 到 -----END CERTIFICATE-----。",
		})
	}
	if o.ClientCertificate == "" || o.ClientKey == "" {
		return nil
	}
	if _, err := tls.X509KeyPair([]byte(o.ClientCertificate), []byte(o.ClientKey)); err != nil {
		return fault(wording.Text{
			EN: "The client certificate and its key cannot be used together (%v): paste both as whole PEM files, the key without a password.",
			ZH: "客户端证书与其密钥无法配合使用（%v）：请粘贴两个完整的 PEM 文件，密钥不要加密码。",
		}, err)
	}
	return nil
}
