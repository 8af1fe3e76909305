package access_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/internal/config"
	"github.com/belfry-city/belfry/internal/httpapi/access"
)

func TestABearerShowsTheNameAndTheSecretOfOneToken(t *testing.T) {
	secret, hash := access.NewToken()
	other, otherHash := access.NewToken()
	tn := newTown(t, access.Options{Auth: config.Auth{Tokens: []config.Token{
		{Name: "well-17", Hash: hash, Scopes: []access.Scope{access.Write}},
		{Name: "wall", Hash: otherHash, Scopes: []access.Scope{access.Admin}},
	}}})
	for _, wrong := range [][2]string{{"", ""}, {"well-17", ""}, {"well-17", other}, {"wall", secret}, {"", secret}, {"WELL-17", secret}} {
		b, ok := tn.guard.Enter(wrong[0], wrong[1])
		require.False(t, ok, wrong)
		require.False(t, b.May(access.Write))
	}
	b, ok := tn.guard.Enter("well-17", secret)
	require.True(t, ok)
	require.True(t, b.May(access.Write))
	require.False(t, b.May(access.Read))
	admin, ok := tn.guard.Enter("wall", other)
	require.True(t, ok)
	require.True(t, admin.May(access.Read) && admin.May(access.Write))
}

func TestWhatAReloadTakesFromABearerIsGoneAtOnce(t *testing.T) {
	secret, hash := access.NewToken()
	token := config.Token{Name: "w", Hash: hash, Scopes: []access.Scope{access.Write, access.Read}}
	tn := newTown(t, access.Options{Auth: config.Auth{Tokens: []config.Token{token}}})
	b, ok := tn.guard.Enter("w", secret)
	require.True(t, ok)
	require.True(t, b.May(access.Read))

	token.Scopes = token.Scopes[:1]
	require.NoError(t, tn.guard.Reload(config.Auth{Tokens: []config.Token{token}}))
	require.True(t, b.May(access.Write))
	require.False(t, b.May(access.Read))

	_, fresh := access.NewToken()
	require.NoError(t, tn.guard.Reload(config.Auth{Tokens: []config.Token{{Name: "w", Hash: fresh, Scopes: token.Scopes}}}))
	require.False(t, b.May(access.Write))
}

func TestWithoutTokensEverybodyMayEnter(t *testing.T) {
	tn := newTown(t, access.Options{})
	b, ok := tn.guard.Enter("anybody", "")
	require.True(t, ok)
	require.True(t, b.May(access.Write) && b.May(access.Read))
	tn = newTown(t, access.Options{Listen: "0.0.0.0:9400", Auth: config.Auth{Insecure: true}})
	b, ok = tn.guard.Enter("", "")
	require.True(t, ok && b.May(access.Write))
}
