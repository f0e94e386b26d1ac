"""The clauses' titles and what the service does about each, in zh-CN. Their text stands in the agreement's language."""

from __future__ import annotations

CLAUSES = {
    "Service agreement: what a request must contain": "服务协议：请求须包含的内容",
    "A request without the mandate is invalid from the beginning. A request without a needed particular that can't be determined is invalid when payment would make it effective, unless something was bought. Everything is refunded.": (
        "未附委托的请求自始无效；缺少必要信息且无法确定的请求，在本应因付款生效时无效，但已有采购的除外。款项全部退还。"
    ),
    "Acceptance of the request; effectiveness on payment": "接受请求；付款后生效",
    "The agreement is effective once it is accepted and paid (or its deposit is), or once goods were bought with the buyer's money. The provider may refuse before a purchase, the buyer may withdraw before it is effective, and a request that is not accepted in time lapses: everything is refunded.": (
        "协议在接单并付款（或支付定金）后生效，或在用买家款项采购商品后生效；服务商可在采购前拒绝，"
        "买家可在生效前撤回，未按时被接受的请求失效：款项全部退还。"
    ),
    "Special requirements": "特殊要求",
    "A refusal on the ground `special_request` refunds everything; `clause_02.py` weighs all refusals together.": (
        "以 `special_request` 为由的拒绝全额退款；各种拒绝由 `clause_02.py` 一并权衡。"
    ),
    "Information inquiry": "信息查询",
    "Who the provider is can be asked for on the platform; every message names it as `provider_id`. No money moves.": (
        "可在平台查询服务商身份；每条消息以 `provider_id` 注明。不产生款项变动。"
    ),
    "Service requirements: a logistics provider": "服务要求：物流服务商",
    "Without a logistics provider, named when the order is placed or accepted, the agreement can't become effective: everything is refunded.": (
        "下单或接单时未指定物流服务商的，协议不能生效：款项全部退还。"
    ),
    "Payment obligations: goods, service fee, other agreed fees": "付款义务：货款、服务费及其他约定费用",
    "Payments beyond the agreed price of the goods, the money for goods still to be bought and the fees are refunded; a missing amount is noted. Money in another currency counts once it is converted.": (
        "超出约定商品价格、待采购商品货款及费用的已付部分退还买家；缺额予以记录；其他币种的款项在折算后计入。"
    ),
    "Additional costs collected by third parties": "第三方收取的额外费用",
    "Fees collected by third parties are never refunded here. When the order has ended, the refund says so and the amount is noted, so that the buyer can ask those who collected it.": (
        "第三方收取的费用不在此退还；订单结束时，退款会加以说明并记录金额，以便买家向收取方查询。"
    ),
    "Service commitment": "服务承诺",
    "Goods are bought at the price and in the quantity that the seller confirms. A report that changes nothing is answered as such (8(3)). The seller's money is the buyer's; an excess over the buyer's payments is paid out once it is confirmed (8(4)).": (
        "按卖家确认的价格和数量采购商品；不改变任何事项的消息会照此答复（8(3)）；卖家退回的款项归买家，"
        "超出买家全部已付金额的部分经确认后支付（8(4)）。"
    ),
    "Non-liability: goods that can't be had": "免责：无法取得的商品",
    "Goods that can't be bought end without a service fee, and their money is refunded. If the seller withdraws from a sale, its money is passed on as it returns it, with the fee on it. Goods that were received stay bought.": (
        "无法采购的商品终止且不收服务费，款项退回；卖家取消交易的，其退款连同对应服务费按退回情况转付。已收货的商品视为已采购。"
    ),
    "Service fee: 0.1 % of the seller's actual price": "服务费：卖家实际价格的 0.1%",
    "The fee is `service_fee_rate` of goods and to-warehouse shipping as charged, plus a part of the quoted fee for what is still to be bought, rounded half up and never above the quoted fee. The rest is refunded.": (
        "服务费为实际收取的货款及至仓库运费乘以 `service_fee_rate`，待采购部分按报价服务费的相应比例计算，"
        "四舍五入且不超过报价服务费；其余退回。"
    ),
    "Non-responsibility for storage and transportation": "仓储和运输免责",
    "Storage and international transport are the logistics provider's; costs they cause arrive as events (12(4)). No "
    "money moves.": "仓储和国际运输由物流服务商负责；由此产生的费用以事件形式到达（12(4)）。不产生款项变动。",
    "Order cancellation": "订单取消",
    "Units that were not bought are cancelled on request. Bought units are cancelled if the seller agrees, until they clear export customs or receipt is confirmed. The buyer bears the fee, the costs, and what the seller keeps.": (
        "未采购的商品按请求取消；已采购的商品须经卖家同意，且须在出口清关或确认收货之前。服务费、费用及卖家扣留的部分由买家承担。"
    ),
    "Order dissolution": "订单解除",
    "A purchase may be dissolved if the goods were inspected with evidence, the request is in time, the issue was not disclosed before, receipt is not confirmed, and the seller agrees. What the seller returns goes to the buyer in full; the service fee does not.": (
        "经查验并附证据、按时提出、问题未事先告知且尚未确认收货的，经卖家同意可以解除；卖家退回的款项全部归买家，服务费不退。"
    ),
    "Prohibited services": "禁止的服务",
    "A request for prohibited or infringing goods is refused if the terms say so (`refuse_prohibited`): payments are refunded less the costs incurred. The buyer bears the losses that it caused.": (
        "条款如此规定（`refuse_prohibited`）的，对禁售或侵权商品的请求予以拒绝：已付款项扣除已产生费用后退还。由此造成的损失由买家承担。"
    ),
    "Caution on specific goods": "特定商品的提示",
    "The effective agreement names customized goods, low-reputation sellers and goods without a market price. An advance deposit that the seller keeps is lost on cancellation, and if the balance isn't paid in time. A refusal of restricted goods keeps the costs (`clause_02.py`).": (
        "定制商品、低信誉卖家和没有市场价格的商品会在协议生效时注明；卖家扣留的预付定金在取消时以及尾款未按时支付时不予退还；"
        "拒绝受限商品时保留已产生费用（`clause_02.py`）。"
    ),
    "Termination of obligations": "义务终止",
    "Once each bought unit is received, with a final receipt and without a standing objection of the warehouse, the obligation to procure ends. From then on the provider only passes requests on, and brokerage is earned (19).": (
        "所有已采购商品均已收货、最后一次收货已登记且仓库没有未决异议时，采购义务终止；此后服务商仅转达请求，佣金成立（19）。"
    ),
    "Immediate inspection of the package": "立即查验包裹",
    "An objection is verified, and the buyer may withdraw it. If the logistics provider caused an objection to the package, the buyer claims against it, and cancellation or dissolution is no longer possible.": (
        "异议会得到核实，买家可以撤回；包裹异议由物流服务商造成的，买家向其索赔，不得再取消或解除。"
    ),
    "Timely confirmation of receipt": "及时确认收货",
    "Receipt is deemed confirmed if nothing is objected for `deemed_confirmation_days` (or the dissolution period, if longer) after the complete delivery. The period doesn't run while an objection or a dissolution request stands. Afterwards nothing can be cancelled or dissolved.": (
        "全部送达后经过 `deemed_confirmation_days`（或更长的解除期限）未作表示的，视为确认收货；"
        "异议或解除请求未决期间不计入。此后不再取消或解除。"
    ),
    "Cooperation with promoters": "与推广者的合作",
    "A promoted order that was effective when the obligation to procure ended earns the promoter's fee. It is deducted once from the purchasing funds, if they suffice, and the deducted amount is transferred. Buyer and promoter never see each other's data.": (
        "采购义务终止时已生效的推广订单产生推广费：代购款项充足时从中一次扣划，扣划所得即予转付。买家与推广者互不可见对方数据。"
    ),
    "Optional participation by the platform": "平台的选择性介入",
    "The platform may decide a dispute. Its finding arrives as `provider_fault_found` and is compensated under 24. This clause alone moves no money.": (
        "平台可以裁决争议；其认定以 `provider_fault_found` 到达，并按第 24 条赔偿。仅凭本条不产生款项变动。"
    ),
    "Optional tips": "自愿小费",
    "The part of a tip above `tip_limit` is refunded at once. The whole tip is refunded if the buyer asks within `tip_refund_days`. A chargeback of a tip's payment takes the tip back and nothing else.": (
        "超过 `tip_limit` 的部分立即退回；在 `tip_refund_days` 内申请的，小费全部退回；小费付款的拒付仅收回小费，不涉及其他。"
    ),
    "Non-transfer of funds: chargebacks": "资金不得转移：拒付",
    "A chargeback without just cause is a claim, with the institution's fee. The claim is held in the account, demanded for `payment_demand_days`, then taken from the deposit, then from retained goods. It is set off against money due to the buyer. A new round of the dispute has its own demand and deduction. Recoveries beyond the claim are refunded.": (
        "无正当理由的拒付连同机构费用构成债权：先在账户中冻结，在 `payment_demand_days` 内要求支付，"
        "其后从保证金、再从留置商品中受偿。债权与应付买家的款项相抵。争议的每一轮各有其付款要求和扣划。多收的部分退回。"
    ),
    "Data ownership": "数据所有权",
    "Private members never leave: they are masked before the rules see a fact, stored apart, and can be erased. No money "
    "moves.": "私密内容绝不外泄：在规则看到事实之前即被遮蔽，单独存放，并可删除。不产生款项变动。",
    "Liability for breach": "违约责任",
    "Direct losses by the provider's fault are compensated up to the greatest order amount, less what just chargebacks gave beyond the amount due, and set off against what the buyer owes. Consequential losses are never compensated.": (
        "经认定由服务商过错造成的直接损失，在最高订单金额内赔偿，扣除正当拒付超出应付的部分，并与买家欠款相抵；间接损失概不赔偿。"
    ),
    "Part of the service agreement": "服务协议的组成部分",
    "Losses that the platform found to be caused by the buyer's breach are set off against money due to the buyer. The excess of these losses, costs and penalties over that money is noted as owed. Payments on it beyond what is owed are refunded.": (
        "经平台认定由买家违约造成的损失，与应付买家的款项相抵；损失、费用及违约金超出的部分记为欠款。多付的部分退回。"
    ),
    "Consultation": "咨询",
    "Questions go to the purchasing personnel; each decision carries words they can read out. No money moves.": (
        "问题由代购人员解答；每项决定附有可供宣读的说明。不产生款项变动。"
    ),
    "Valid communication channels": "有效的沟通渠道",
    "Notices are decisions, and count as delivered when they are published: the period of a payment demand starts then (22). A demand cites this clause.": "通知即决定，发布时视为送达：付款要求的天数自此起算（22）。付款要求会引用本条。",
    "Applicable law": "适用法律",
    "The law of Mainland China applies to the agreement: periods of days are counted by the Civil Code (`calendar`). No "
    "money moves.": "协议适用中国大陆法律：以日计算的期间依照《民法典》计算（`calendar`）。不产生款项变动。",
    "Dispute resolution": "争议解决",
    "Disputes go to arbitration in Hangzhou; an award arrives as events like any other fact. No money moves.": (
        "争议提交杭州仲裁；裁决与其他事实一样以事件形式到达。不产生款项变动。"
    ),
    "Agreement on terms": "术语约定",
    "Words mean what they mean in the platform's main agreement; the contracts' glossary follows it. No money moves.": (
        "用语含义与平台主协议一致；契约的词汇表从之。不产生款项变动。"
    ),
}
