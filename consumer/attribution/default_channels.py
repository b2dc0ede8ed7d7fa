"""The lines of the default channel table. Source: docs/attribution.md, section 5."""

from __future__ import annotations

from consumer.attribution.channel_rule import Rule

_GOOGLE = frozenset({"gclid", "gbraid", "wbraid"})
_CLICK_IDS = _GOOGLE | {"msclkid", "fbclid", "ttclid"}
_NO_MEDIUM = frozenset({"utm_medium"})
_MEDIA = {
    "utm_email": ("email", ("email", "e-mail", "newsletter")),
    "utm_ppc": ("ppc", ("cpc", "ppc", "paidsearch", "paid-search", "sem")),
    "utm_social": ("social", ("social", "paid-social", "paidsocial", "social-network", "social-media")),
    "utm_display": ("display", ("display", "banner", "cpm")),
    "utm_affiliate": ("affiliate", ("affiliate", "affiliates", "partner")),
    "utm_referral": ("referral", ("referral",)),
    "utm_organic": ("organic", ("organic",)),
}
# fmt: off
_PAYMENT = frozenset({
    ".paypal.com", ".klarna.com", ".klarnapayments.com", ".sofort.com", ".stripe.com", ".adyen.com", ".worldpay.com",
    ".mollie.com", "pay.amazon.*", "payments.amazon.*", "payments-eu.amazon.com", "apay-us.amazon.com",
    "pay.google.com", "payments.google.com", ".checkout.com", ".braintreegateway.com", ".braintreepayments.com",
    ".squareup.com", ".authorize.net", ".cybersource.com", ".2checkout.com", ".trustly.com", ".ideal.nl",
    ".giropay.de", ".paydirekt.de", ".przelewy24.pl", ".payu.*", ".tpay.com", ".blik.com", ".redsys.es", ".vipps.no",
    ".mobilepay.dk", ".swish.nu", ".afterpay.com", ".clearpay.com", ".clearpay.co.uk", ".affirm.com", ".sezzle.com",
    ".scalapay.com", ".multisafepay.com", ".buckaroo.nl", ".payone.com", ".unzer.com", ".ratepay.com",
    ".computop-paygate.com", ".saferpay.com", ".datatrans.com", ".sagepay.com", ".realexpayments.com",
    ".gocardless.com", ".payplug.com", ".bambora.com", ".skrill.com", ".paysafecard.com", ".razorpay.com",
    ".mercadopago.*", ".alipay.com", "shop.app", "pay.shopify.com", "checkout.shopify.com",
})
"""Where customers pay."""
_CARD_CHECKS = frozenset({
    ".cardinalcommerce.com", ".arcot.com", ".securesuite.net", ".securesuite.co.uk", ".rsa3dsauth.com",
    ".rsa3dsauth.co.uk", ".wlp-acs.com", ".touchtechpayments.com", ".verifiedbyvisa.com", "acs.sia.eu",
    "3ds-secure.cardcomplete.com",
})
"""Where banks ask customers whether it is them (3-D Secure)."""
_SIGN_IN = frozenset({
    "accounts.google.*", "accounts.youtube.com", "appleid.apple.com", "account.apple.com", "idmsa.apple.com",
    "login.live.com", "account.live.com", "login.microsoftonline.com", "login.microsoft.com", "login.windows.net",
    ".b2clogin.com", ".account.amazon.com", ".login.yahoo.com", "login.yahoo.co.jp", "login.aol.com",
    "api.twitter.com", "oauth.vk.com", "id.vk.com", "passport.yandex.*", "oauth.yandex.*", "account.mail.ru",
    "access.line.me", "accounts.kakao.com", "kauth.kakao.com", "nid.naver.com", "login.seznam.cz", ".auth0.com",
    ".okta.com", ".amazoncognito.com",
})
"""Where customers of the shop sign in. Facebook's and LinkedIn's sign-in have no host of their own."""
_WEBMAIL = frozenset({
    "mail.google.com", "com.google.android.gm", "outlook.live.com", ".mail.live.com", ".outlook.com",
    "outlook.office.com", "outlook.office365.com", "outlook.cloud.microsoft", "com.microsoft.office.outlook",
    ".mail.yahoo.*", "com.yahoo.mobile.client.android.mail", "mail.aol.com", "deref-gmx.*", "lightmailer.gmx.*",
    ".navigator.gmx.net", "3c.gmx.net", "deref-web.de", "deref-web-02.de", ".navigator.web.de", "3c.web.de",
    "deref-mail.com", "deref-mail-02.com", "deref-1und1.de", "deref-1und1-02.de", "email.ionos.*",
    "mailbusiness.ionos.*", "email.t-online.de", "webmail.freenet.de", "webmail.laposte.net", "zimbra.free.fr",
    "webmail.free.fr", "webmail.tim.it", "email.bluewin.ch", "mail.infomaniak.com", "email.bt.com",
    "mail.virginmedia.com", "e.mail.ru", "touch.mail.ru", "mail.yandex.*", "mail.rambler.ru", "mail.ukr.net",
    "email.seznam.cz", "poczta.onet.pl", "poczta.wp.pl", "poczta.o2.pl", "poczta.interia.pl", "mail.proton.me",
    "mail.zoho.*", "app.fastmail.com", "mail.qq.com", "mail.163.com", "mail.126.com", "mail.naver.com",
    "mail.daum.net",
})
"""Webmail, the hosts through which it sends those who follow a link, and mail apps of Android."""
_SEARCH_ENGINES = frozenset({
    "google.*", "images.google.*", "news.google.*", "shopping.google.*", "video.google.*", "books.google.*",
    "scholar.google.*", "cse.google.*", "lens.google.com", "com.google.android.googlequicksearchbox", ".bing.com",
    ".duckduckgo.com", ".yahoo.*", ".ecosia.org", ".baidu.com", ".yandex.*", "ya.ru", ".qwant.com", ".startpage.com",
    "search.brave.com", "naver.com", "m.naver.com", ".search.naver.com", "search.daum.net", "seznam.cz",
    "search.seznam.cz", ".so.com", ".sogou.com", ".sm.cn", ".ask.com", "search.aol.*", "go.mail.ru", "nova.rambler.ru",
    ".kagi.com", ".mojeek.com", ".swisscows.com", ".metager.org", ".metager.de", "search.lilo.org", ".coccoc.com",
    ".petalsearch.com", ".dogpile.com", ".webcrawler.com", "search.lycos.com", "suche.t-online.de", "suche.web.de",
    "suche.gmx.net", "search.goo.ne.jp", "search.smt.docomo.ne.jp",
})
"""Google's are named one by one, since most below google.com are no search."""
_SOCIAL_NETWORKS = frozenset({
    ".facebook.com", "fb.me", ".messenger.com", ".instagram.com", ".threads.net", ".threads.com", ".t.co",
    ".twitter.com", ".x.com", ".bsky.app", ".mastodon.social", ".pinterest.*", "pin.it", ".linkedin.com", ".lnkd.in",
    ".xing.com", ".tiktok.com", ".youtube.com", "youtu.be", ".vimeo.com", ".twitch.tv", ".reddit.com", "redd.it",
    ".quora.com", ".tumblr.com", "t.umblr.com", ".flickr.com", ".disqus.com", "disq.us", ".snapchat.com",
    ".whatsapp.com", ".wl.co", "t.me", ".telegram.org", ".telegram.me", ".discord.com", ".discordapp.com", ".line.me",
    ".nextdoor.com", ".vk.com", ".ok.ru", ".weibo.com", "com.facebook.katana", "com.facebook.orca",
    "com.instagram.android", "com.instagram.barcelona", "com.twitter.android", "com.linkedin.android", "com.pinterest",
    "com.reddit.frontpage", "com.snapchat.android", "com.whatsapp", "com.zhiliaoapp.musically",
    "org.telegram.messenger",
})
"""With the apps of Android, which say their name as a host."""
# fmt: on

DEFAULT_RULES: tuple[Rule, ...] = (
    Rule(name="own", channel=None, absent=_CLICK_IDS | {"utm_source"}, own_referrer=True),
    Rule(name="gclid", channel="ppcgoogle", given=_GOOGLE),
    Rule(name="msclkid", channel="ppcbing", given=frozenset({"msclkid"})),
    Rule(name="fbclid", channel="socialfacebook", given=frozenset({"fbclid"}), absent=_NO_MEDIUM),
    Rule(name="ttclid", channel="socialtiktok", given=frozenset({"ttclid"}), absent=_NO_MEDIUM),
    *(
        Rule(name=name, channel=channel, query=(("utm_medium", frozenset(media)),))
        for name, (channel, media) in _MEDIA.items()
    ),
    Rule(name="utm", channel="other", given=frozenset({"utm_source"})),
    Rule(name="payment", channel=None, referrer=_PAYMENT | _CARD_CHECKS),
    Rule(name="sign_in", channel=None, referrer=_SIGN_IN),
    Rule(name="webmail", channel="email", referrer=_WEBMAIL),
    Rule(name="search", channel="organic", referrer=_SEARCH_ENGINES),
    Rule(name="social_referrer", channel="social", referrer=_SOCIAL_NETWORKS),
    Rule(name="referrer", channel="referral", referrer=frozenset({"*"})),
)
