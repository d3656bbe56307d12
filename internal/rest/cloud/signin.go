package cloud

import (
	"context"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/access"
	"github.com/grovecloud/grove/internal/rest"
)

// signIn is the beginning of the paths of the vendor's website.
const signIn = "/api/sign-in"

// mountSignIn mounts what comes before and after the login call itself.
func (f *face) mountSignIn(rt *rest.Router) {
	refresh := opening(userService+"/user/refreshtoken", "New tokens for a refresh token that still counts")
	refresh.About = "The body's token is the credential; a bearer beside it is not looked at. The session lives on, and a logout with any of its tokens ends it."
	rest.Handle(rt, refresh, f.refresh)

	const told = "Always 200, whether there is such an account or not, and whether it was asked too often or not."
	mail := opening(userService+"/user/sendemail/code", "Have a code for signing in mailed")
	mail.About, mail.Unkeyed = told, rest.UnkeyedCode
	rest.Handle(rt, mail, f.mailCode)
	for _, path := range []string{"/user/sendsmscode", "/user/sendsms/code"} {
		sms := opening(userService+path, "The same, as clients ask that know phones")
		sms.About, sms.Unkeyed = told+" The code goes by mail.", rest.UnkeyedCode
		rest.Handle(rt, sms, f.smsCode)
	}

	for _, path := range []string{signIn + "/tfa", userService + "/user/tfa", userService + "/user/tfa/login"} {
		tfa := opening(path, "The second step of a login: a code of the authenticator app, or a recovery code")
		tfa.About = "Whatever is wrong is 400 with code 5. The access token is in the answer and in its cookie."
		rest.Handle(rt, tfa, f.tfa)
	}
	form := opening(signIn+"/form", "Sign in as the vendor's website does")
	form.About = "As `user/login`, with the access token in a cookie too."
	rest.Handle(rt, form, f.form)
}

// opening is an open call by which somebody signs in.
func opening(path, summary string) rest.Op {
	o := post(path, tagAccount, summary)
	o.Open, o.SignsIn, o.Unkeyed = true, true, rest.UnkeyedSession
	return o
}

// loginOf is the answer to a login: the tokens, or what is wanted yet. Everything
// else stays empty then, since clients tell the answers apart by that.
func loginOf(t access.Tokens) cloudapi.Login {
	switch t.Wants {
	case access.WantsCode:
		return cloudapi.Login{LoginType: cloudapi.LoginVerifyCode}
	case access.WantsTOTP:
		return cloudapi.Login{LoginType: cloudapi.LoginTFA, TFAKey: t.Key}
	case access.WantsNothing:
	}
	return cloudapi.Login{
		AccessToken: t.Access, RefreshToken: t.Refresh, Success: true,
		ExpiresIn: seconds(t.ExpiresIn), RefreshExpiresIn: seconds(t.RefreshExpiresIn),
	}
}

// withCookie is loginOf, and the cookie that clients of the website read.
func withCookie(ctx context.Context, t access.Tokens) cloudapi.Login {
	if t.Wants == access.WantsNothing {
		rest.SetToken(ctx, t)
	}
	return loginOf(t)
}

// refreshInput takes any body, also none: what is not a token is 401.
type refreshInput struct {
	Body *cloudapi.RefreshRequest
}

func (f *face) refresh(ctx context.Context, in *refreshInput) (cloudapi.Login, error) {
	var token string
	if in.Body != nil {
		token = string(in.Body.RefreshToken)
	}
	actor, err := f.Access.Authenticate(ctx, token)
	if err != nil {
		return cloudapi.Login{}, err
	}
	if err := rest.CountAs(ctx, actor); err != nil {
		return cloudapi.Login{}, err
	}
	t, err := f.Access.Refresh(ctx, actor)
	if err != nil {
		return cloudapi.Login{}, err
	}
	return loginOf(t), nil
}

type mailCodeInput struct {
	Body cloudapi.MailCodeRequest
}

func (f *face) mailCode(ctx context.Context, in *mailCodeInput) (cloudapi.CodeSent, error) {
	return f.askCode(ctx, "email", in.Body.Email)
}

type smsCodeInput struct {
	Body cloudapi.SMSCodeRequest
}

func (f *face) smsCode(ctx context.Context, in *smsCodeInput) (cloudapi.CodeSent, error) {
	return f.askCode(ctx, "phone", in.Body.Phone)
}

func (f *face) askCode(ctx context.Context, field, account string) (cloudapi.CodeSent, error) {
	if err := rest.Need(field, account); err != nil {
		return cloudapi.CodeSent{}, err
	}
	f.Access.AskCode(account, rest.Remote(ctx).String())
	return cloudapi.CodeSent{Success: true, Message: "Verification code sent"}, nil
}

type tfaInput struct {
	Client string `header:"User-Agent"`
	Body   cloudapi.TFARequest
}

func (f *face) tfa(ctx context.Context, in *tfaInput) (cloudapi.Login, error) {
	if in.Body.Key == "" || in.Body.Code == "" {
		return cloudapi.Login{}, grove.Errorf(grove.Invalid, grove.ReasonLoginFailed, "the sign-in failed: tfaKey and tfaCode must be given and not be empty")
	}
	t, err := f.Access.SecondStep(ctx, access.SecondStep{
		Key: in.Body.Key, Code: in.Body.Code, Client: in.Client, Remote: rest.Remote(ctx).String(),
	})
	if err != nil {
		return cloudapi.Login{}, err
	}
	return withCookie(ctx, t), nil
}

func (f *face) form(ctx context.Context, in *loginInput) (cloudapi.Login, error) {
	t, err := f.prove(ctx, in)
	if err != nil {
		return cloudapi.Login{}, err
	}
	return withCookie(ctx, t), nil
}
