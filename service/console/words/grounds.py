"""The grounds of clauses: every `because` of the rules, in zh-CN."""

from __future__ import annotations

GROUNDS = {
    "a particular that is needed to purchase the goods was missing": "缺少采购商品所必需的信息",
    "the buyer had not agreed to the purchasing service mandate": "买家未同意代购服务委托声明",
    "it is being clarified whether a purchase was made": "正在核实是否已经完成采购",
    "no agreement was effective when this was requested": "提出该请求时协议尚未生效",
    "no agreement was effective, so the money simply goes back": "协议未生效，款项直接退回",
    "part of the agreed order amount is not paid": "约定的订单金额尚有部分未支付",
    "the buyer withdrew before the agreement was effective": "买家在协议生效前撤回了订单",
    "the institution returned the money": "支付机构已返还款项",
    "the provider accepted, but less was paid than the order needs": "服务商已接单，但已付金额少于订单所需",
    "the provider did not accept in time": "服务商未在期限内接单",
    "the provider did not accept the request": "服务商未接受该请求",
    "the provider took on the order, and it was paid as agreed or carried out with the buyer's money": (
        "服务商已承接订单，且订单已按约定付款，或已用买家的款项执行"
    ),
    "the provider refused a special request outside the service": "服务商拒绝了服务范围之外的特殊要求",
    "a logistics provider was missing when the agreement would have taken effect": "协议本应生效时尚未选定物流服务商",
    "an amount in another currency counts only when it has been converted": "其他币种的金额在折算之后才计入",
    "nothing is owed, so what was paid on it goes back": "没有欠款，因此为此支付的款项退回",
    "the order amount is the price of the goods, the service fee and the other agreed fees": (
        "订单金额由商品货款、服务费及其他约定费用组成"
    ),
    "what was paid beyond the agreed order amount goes back, no more": "超出约定订单金额的已付部分退回，仅此而已",
    "what was paid beyond the seller's price as agreed, and the fees, goes back, no more": (
        "超出卖家约定价格及费用的已付部分退回，仅此而已"
    ),
    "these fees were collected by others and are not refunded here; ask them": (
        "这些费用由第三方收取，不在此退还，请向收取方查询"
    ),
    "the seller returned more than the buyer had paid; it is paid out when confirmed": (
        "卖家退回的金额超过买家已付金额，经确认后支付"
    ),
    "the seller cannot deliver these goods, and the provider does not answer for that": (
        "卖家无法供应这些商品，服务商对此不承担责任"
    ),
    "the seller withdrew from the sale; its money is passed on as it returns it": "卖家取消了交易，其退回的款项按退回情况转付",
    "no fee is charged on goods not sold": "未成交的商品不收取服务费",
    "the service fee is a share of what the seller actually charges": "服务费按卖家实际收取金额的比例计算",
    "with the seller's money goes the fee on it": "卖家退回的款项连同其对应的服务费一并退回",
    "nothing is left to cancel": "已没有可取消的内容",
    "the buyer took the request back": "买家撤回了该请求",
    "no purchase had been made of what is cancelled": "所取消的商品尚未采购",
    "a purchase had been made: whether it is cancelled is for the seller to say": "商品已经采购：能否取消由卖家决定",
    "the request came after the last instant for a cancellation": "请求提出时已超过取消的最后期限",
    "the request was made outside the platform": "请求不是通过平台提出的",
    "the collected service fee is not refunded on a cancellation": "取消订单时，已收取的服务费不予退还",
    "costs incurred before or because of the cancellation are the buyer's": "取消之前或因取消而产生的费用由买家承担",
    "what the seller charges for the cancellation is the buyer's": "卖家因取消而收取的费用由买家承担",
    "the goods were damaged on their way back, so the seller refuses": "商品在退回途中受损，因此卖家拒绝取消",
    "the goods had completed customs clearance for export": "商品已完成出口清关",
    "nothing is left to dissolve": "已没有可解除的内容",
    "the goods were not inspected, or no evidence was submitted": "商品未经查验，或未提交证据",
    "the request came after the period allowed for dissolving the order": "请求提出时已超过解除订单的期限",
    "the buyer knew of this issue, and went on with the purchase": "买家知悉该问题，并仍然继续采购",
    "the seller has been asked": "已向卖家提出请求",
    "the seller refused to dissolve the purchase": "卖家拒绝解除采购",
    "the costs of returning the goods are the buyer's": "退回商品的费用由买家承担",
    "the seller agreed to dissolve the purchase": "卖家同意解除采购",
    "the purchase funds that the seller returns are passed on as they come": "卖家退回的货款收到后即予转付",
    "the dissolved order was at fault of the provider: it compensates": "订单解除系服务商过错所致：由服务商赔偿",
    "the service fee is not refunded on a dissolution": "解除订单时，服务费不予退还",
    "the buyer compensates the loss that prohibited or infringing goods caused": "买家赔偿禁售或侵权商品造成的损失",
    "the provider does not purchase prohibited or infringing goods": "服务商不采购禁售或侵权商品",
    "the provider refused to purchase prohibited or infringing goods": "服务商拒绝采购禁售或侵权商品",
    "the goods are customized: the buyer bears the losses arising from that": "商品为定制商品：由此产生的损失由买家承担",
    "the balance was not paid in time; the seller's deposit is not returned": "尾款未按时支付，卖家收取的定金不予退还",
    "the deposit paid in advance to the seller is not refunded": "预付给卖家的定金不予退还",
    "the seller's reputation is low: the buyer bears the possible consequences": "卖家信誉较低：可能的后果由买家承担",
    "the goods have no reasonable market price: the buyer bears the risks": "商品没有合理的市场价格：风险由买家承担",
    "the provider refused to purchase sensitive or restricted goods": "服务商拒绝采购敏感或受限商品",
    "the goods reached the warehouse and no objection stands": "商品已到达仓库，且没有未决的异议",
    "the obligation to procure had ended: the provider only passes the request on": "采购义务已经终止：服务商仅转达该请求",
    "the buyer took the objection back": "买家撤回了异议",
    "the logistics provider caused it; claims go there": "由物流服务商造成，请向其索赔",
    "the logistics provider caused the objection: claims go there": "异议由物流服务商造成：请向其索赔",
    "the platform has been asked to verify": "已请平台核实",
    "verified, not caused by the logistics provider": "经核实，并非物流服务商造成",
    "receipt of the goods had been confirmed": "买家此前已确认收货",
    "the buyer confirmed receipt": "买家已确认收货",
    "the period passed and nothing was objected": "期限已过，且未提出异议",
    "brokerage is due to the promoter out of the purchasing funds": "应从代购款项中向推广者支付佣金",
    "more was transferred to the promoter than is due": "转给推广者的金额超过应付金额",
    "the promoted order was purchased and received": "推广的订单已采购并收货",
    "what was deducted for the promoter could not be paid out": "为推广者扣划的款项未能付出",
    "a tip is given back only if it is above the limit or asked for in time": "小费仅在超过上限或按时申请时退还",
    "the refund of the tip was asked for in time": "小费退款是按时申请的",
    "the refund of the tip was asked for too late": "小费退款申请过迟",
    "tips are voluntary: the chargeback takes the tip back and nothing else": "小费出于自愿：拒付仅收回小费，不涉及其他",
    "what is above the tipping limit is given back": "超过小费上限的部分退还",
    "money was taken back without just cause": "款项被无正当理由地撤回",
    "nothing is claimed on this chargeback any more": "该拒付不再有任何主张",
    "the account keeper did not place the hold": "账户管理方未执行冻结",
    "the buyer compensates the loss that an unjust chargeback caused": "买家赔偿不当拒付造成的损失",
    "the date has passed, this amount is still owed": "期限已过，该金额仍未清偿",
    "the demand was not met in time, so the claim is taken from the deposit": "未按时履行付款要求，因此从保证金中扣划",
    "the deposit did not cover the claim; the goods may be retained and disposed of": (
        "保证金不足以抵偿，可以留置并处置商品"
    ),
    "the institution asks; no money was taken": "支付机构提出查询，款项未被扣划",
    "the institution's fee for an unjust chargeback is the buyer's, also when it was won": (
        "不当拒付的机构费用由买家承担，即使争议已胜诉"
    ),
    "the money that was taken back is to be paid by the date": "被撤回的款项须在该日期前支付",
    "the provider need not go on while the payment is taken back": "付款被撤回期间，服务商无须继续履行",
    "the purchasing funds are not there": "代购款项尚未到位",
    "there was just cause, and the provider bears it": "拒付有正当理由，由服务商承担",
    "what came in for the chargeback beyond what is owed goes back": "就该拒付收到的超出欠款的部分退回",
    "it was instructed after the goods had been normally received": "拒付指示是在商品正常收货之后作出的",
    "its reason is not attributable to the provider": "拒付原因不可归责于服务商",
    "it was instructed on the ground that the account was stolen": "拒付指示的理由是账户被盗",
    "it was instructed on the ground that the payment account was misused": "拒付指示的理由是支付账户被盗用",
    "the provider declined to carry out an effective order, for which it is liable": (
        "服务商拒绝履行已生效的订单，应承担责任"
    ),
    "the provider is liable for the direct loss its fault caused, up to the order's amount": (
        "服务商对其过错造成的直接损失承担责任，以订单金额为限"
    ),
    "the buyer compensates the loss that its breach caused": "买家赔偿其违约造成的损失",
    "the costs of resolving the dispute are compensated": "解决争议的费用予以赔偿",
    "the notice counted as delivered when it was published": "通知自发布时起视为送达",
    "the notice counts as delivered when it is published": "通知在发布时视为送达",
    "the order had ended, so this report changes nothing": "订单已经结束，因此该消息不改变任何事项",
    "the goods had been bought, so this report changes nothing": "商品已经采购，因此该消息不改变任何事项",
    "the goods had been received or exported, so this report changes nothing": (
        "商品已收货或已出口，因此该消息不改变任何事项"
    ),
    "there was nothing left that this report could concern": "已没有该消息可能涉及的内容",
    "the request had ended, so this report changes nothing": "该请求已有最终结果，因此该消息不改变任何事项",
    "an earlier message said this, with other content; the earlier one counts": (
        "较早的一条消息已说明同一事项而内容不同，以较早者为准"
    ),
    "there is nothing that this report could be for": "没有该消息可能对应的事项",
    "goods that were received stay bought": "已收货的商品视为已采购",
    "nothing is due on this line": "该账目上没有应付金额",
    "nothing is due on this tip": "该小费没有应付金额",
    "due, but kept back while a chargeback has the money or a claim stands": "应付，但在拒付占用款项或主张未决期间暂不支付",
    "nothing of it is missing any more": "不再有缺额",
    "nothing is kept back any more": "不再有暂扣",
    "nothing is to be repaid any more": "不再有应返还的款项",
    "nothing of it is owed any more": "不再有欠款",
    "nothing waits for confirmation any more": "不再有待确认的款项",
    "no such fees are concerned any more": "不再涉及此类费用",
    "nothing is undeliverable any more": "不再有无法送达的款项",
    "this no longer applies, because of what has become known since": "根据其后获知的情况，此项不再适用",
    "it has been converted": "已完成折算",
    "nothing is owed on this chargeback any more": "该拒付不再有欠款",
    "the goods may no longer be retained or disposed of": "商品不得再被留置或处置",
}
