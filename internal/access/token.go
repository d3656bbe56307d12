package access

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/grovecloud/grove"
)

// maxToken is the longest token in bytes that is looked at; ours have about 900.
const maxToken = 4096

// claims is what an access token says. Known clients (ha-bambulab, OctoEverywhere)
// read username out of the token and sign in to MQTT with it, and they decode the
// payload with the standard base64 alphabet and without padding. So the JSON must
// have a length divisible by three and be free of '>', '?', '~' and DEL: then the
// URL alphabet's '-' and '_' never occur. Only numbers, ids and action names are
// in it; names and e-mail addresses must stay out.
type claims struct {
	Username string `json:"username"` // u_<user id>
	UserID   string `json:"user_id"`
	jwt.RegisteredClaims
	Permissions []grove.Action `json:"permissions"`
	Filler      string         `json:"pad"`
}

// MarshalJSON fills the JSON up to a length divisible by three.
func (c claims) MarshalJSON() ([]byte, error) {
	type plain claims
	p := plain(c)
	b, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	p.Filler += strings.Repeat("0", (3-len(b)%3)%3)
	return json.Marshal(p)
}

// username is the MQTT user name of a user.
func username(userID int64) string { return "u_" + strconv.FormatInt(userID, 10) }

// sign makes the access token of a session.
func (a *Access) sign(s grove.Session, g good) (grove.Secret, error) {
	text, err := unsigned(s, g).SignedString(a.key)
	if err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	return grove.Secret(text), nil
}

// unsigned is what the token of a session says.
func unsigned(s grove.Session, g good) *jwt.Token {
	return jwt.NewWithClaims(jwt.SigningMethodRS256, claims{
		Username: username(s.UserID),
		UserID:   strconv.FormatInt(s.UserID, 10),
		RegisteredClaims: jwt.RegisteredClaims{
			ID:        s.ID,
			Audience:  g.audience(),
			IssuedAt:  jwt.NewNumericDate(s.CreatedAt),
			ExpiresAt: jwt.NewNumericDate(s.ExpiresAt),
		},
		Permissions: []grove.Action{
			grove.ReadPrinter, grove.ControlPrinter, grove.HeatPrinter, grove.StartPrint, grove.SendGcode, grove.BindPrinter,
		},
		Filler: rand.Text()[:8], // two tokens of one second differ
	})
}

// good is what a token is good for.
type good string

const (
	asBearer good = ""          // in a header, and as a password over MQTT
	asCookie good = "dashboard" // in the cookie of the dashboard, and nowhere else
)

// audience leaves access tokens without one, as clients know them.
func (g good) audience() jwt.ClaimStrings {
	if g == asBearer {
		return nil
	}
	return jwt.ClaimStrings{string(g)}
}

// unlike says what a token is that is not good for this.
func (g good) unlike() string {
	if g == asCookie {
		return "it is an access token, and the dashboard's cookie is none; open /sign-in"
	}
	return "it is the dashboard's cookie, which counts in browsers alone; sign in for an access token"
}

// verify reads a token of ours: the signature, the time, what it is good for, and that
// it names a user and a session. Whether the session still stands is another question.
func (a *Access) verify(token string, g good) (sessionID string, userID int64, expires time.Time, err error) {
	if len(token) > maxToken {
		return "", 0, time.Time{}, tokenInvalid("it is too long to be one of ours")
	}
	var c claims
	parser := jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodRS256.Alg()}), jwt.WithExpirationRequired(), jwt.WithStrictDecoding())
	_, err = parser.ParseWithClaims(token, &c, func(*jwt.Token) (any, error) { return &a.key.PublicKey, nil })
	if errors.Is(err, jwt.ErrTokenExpired) {
		return "", 0, time.Time{}, tokenExpired()
	}
	if err != nil {
		return "", 0, time.Time{}, tokenInvalid("it was not issued by this server")
	}
	if !slices.Equal(c.Audience, g.audience()) {
		return "", 0, time.Time{}, tokenInvalid(g.unlike())
	}
	userID, err = strconv.ParseInt(c.UserID, 10, 64)
	if err != nil || c.ID == "" {
		return "", 0, time.Time{}, tokenInvalid("it names no session")
	}
	return c.ID, userID, c.ExpiresAt.Time, nil
}

func tokenInvalid(why string) error {
	return grove.Errorf(grove.Unauthenticated, grove.ReasonTokenInvalid, "Please login: this access token does not count, %s", why)
}

func tokenExpired() error {
	return grove.Errorf(grove.Unauthenticated, grove.ReasonTokenExpired, "Please login: this access token has expired")
}

// SigningKey is the name of the secret that signs access tokens: an RSA key in
// PKCS #8.
const SigningKey = "token_rs256"

// signingKey loads the RSA key of this installation, or makes it. It is kept as
// PKCS #8 in DER.
func signingKey(ctx context.Context, r Records) (*rsa.PrivateKey, error) {
	der, err := r.Secret(ctx, SigningKey, func() ([]byte, error) {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			return nil, fmt.Errorf("make RSA key: %w", err)
		}
		return x509.MarshalPKCS8PrivateKey(key)
	})
	if err != nil {
		return nil, err
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("parse RSA key: %w", err)
	}
	k, ok := key.(*rsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("the signing key is a %T, not an RSA key", key)
	}
	return k, nil
}
