"""What a console of Asterisk prints, by the formats of its sources; `{blank}` is a blank at the end of a line."""

SIP_PEERS = """\
Name/username             Host                                    Dyn Forcerport Comedia    ACL Port     Status
101/101                   10.0.0.5                                 D  Yes        Yes         A  5060     OK (12 ms)
gxw4108                   192.168.27.130                              No         No             5060     OK (3 ms)
2 sip peers [Monitored: 2 online, 0 offline Unmonitored: 0 online, 0 offline]
"""

SIP_PEER = """\


  * Name       : {name}
  Description  :{blank}
  Secret       : {secret}
  MD5Secret    : <Not set>
  Remote Secret: <Not set>
  Context      : {context}
  Record On feature : automon
  Language     :{blank}
  Call limit   : {limit}
  Dynamic      : Yes
  Callerid     : {callerid}
  ToHost       :{blank}
  Addr->IP     : (null)
  Defaddr->IP  : (null)
  Status       : UNKNOWN
  Useragent    :{blank}

"""

IAX2_PEERS = """\
Name/Username    Host                 Mask             Port          Status      Description
101              (Unspecified)   (D)  255.255.255.255  0             UNKNOWN
office/u7        10.0.0.9        (S)  255.255.255.255  4569          OK (12 ms)
2 iax2 peers [1 online, 1 offline, 0 unmonitored]
"""

IAX2_PEER = """\


  * Name       : {name}
  Description  :{blank}
  Secret       : {secret}
  Context      : {context}
  Parking lot  :{blank}
  Mailbox      :{blank}
  Dynamic      : Yes
  Callnum limit: 0
  Calltoken req: Yes
  Trunk        : No
  Encryption   : No
  Callerid     : {callerid}
  Expire       : 60
  ACL          : Yes
  Addr->IP     : (null)
  Defaddr->IP  : (null)
  Username     :{blank}
  Codecs       : (ulaw|alaw)
  Codec Order  : (ulaw|alaw)
  Status       : UNKNOWN
  Qualify      : every 60000ms when OK, every 10000ms when UNREACHABLE (sample smoothing Off)

"""

PJSIP_ENDPOINT = """\

 Endpoint:  <Endpoint/CID.....................................>  <State.....>  <Channels.>
    I/OAuth:  <AuthId/UserName...........................................................>
        Aor:  <Aor............................................>  <MaxContact>
==========================================================================================

 Endpoint:  {name}/{name}                                              Unavailable   0 of inf
     InAuth:  {name}/{name}
        Aor:  {name}                                                1


 ParameterName                      : ParameterValue
 ==============================================================
 accountcode                        :{blank}
 allow                              : (ulaw|alaw)
 callerid                           : {callerid}
 context                            : {context}
 direct_media                       : false

"""

DIALPLAN = """\
[ Context 'from-internal' created by 'pbx_config' ]
  '400' =>          1. Queue(ventas,t)                            [extensions.conf:4]
                    2. Hangup()                                   [extensions.conf:5]
  '101' =>          1. Dial(SIP/101,20)                           [extensions.conf:8]
     [h]            2. Hangup()                                   [extensions.conf:9]
  '*97' =>          1. VoiceMailMain()                            [extensions.conf:9]
  '_1XX' =>         1. Dial(SIP/${EXTEN})                         [extensions.conf:10]
  '103' =>          hint: SIP/103                                 [extensions.conf:11]
  Include =>        'parkedcalls'                                 [pbx_config]

[ Context 'from-trunk' created by 'pbx_config' ]
  's' =>            1. Goto(from-internal,400,1)                  [extensions.conf:14]

-= 6 extensions (7 priorities) in 2 contexts. =-
"""

QUEUES = """\
ventas has 0 calls (max unlimited) in 'ringall' strategy (0s holdtime, 0s talktime), W:0, C:0, A:0, SL:0.0%, SL2:0.0%
   No Members
   No Callers

"""
